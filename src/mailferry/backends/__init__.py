"""Ring 2: places that mail is read from and written to, behind one small contract."""
