-- The manifest tells all of the above, rows of the release as well: it is written last.
select coinslot.write_manifest();
