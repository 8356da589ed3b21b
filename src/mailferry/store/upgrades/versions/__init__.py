"""One module for each step. A step that was released is never changed: databases exist that were made by it."""
