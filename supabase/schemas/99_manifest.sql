select coinslot.write_manifest();
