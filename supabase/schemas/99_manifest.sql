-- The last: notes what this release consists of.

select coinslot.write_manifest();
