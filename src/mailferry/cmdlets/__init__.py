"""The cmdlets: one table of them, the command language in which they are typed, and what carries them out."""
