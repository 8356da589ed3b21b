"""Ring 2: one pass over one mailbox: names, plan, apply, ledger, verify."""
