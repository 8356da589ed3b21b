"""Texts of `--help` of the commands that work with the service."""

from __future__ import annotations

SERVE = """\
Run the migration service: the REST API, and the engine that migrates mailboxes.
It works in a data folder, which holds the database, the key of the stored
passwords, the ledgers and, unless another target is named, the mailboxes."""

SERVE_EPILOG = """\
examples:
  mailferry serve
  mailferry serve --data /var/lib/mailferry --port 8380
  mailferry serve --host 0.0.0.0 --tls-certificate fullchain.pem --tls-key privkey.pem

tokens:
  The token in the file `token` of the data folder is that of an operator; more
  are made with mailferry token. With curl, so that it is not seen in the list of
  processes:
    (umask 077; sed 's/^/Authorization: Bearer /' mailferry-data/token > header)
    curl -H @header http://127.0.0.1:8380/api/v1/batches

environment:
  MAILFERRY_DATABASE names another database than the embedded one, such as
  postgresql+psycopg://mailferry@db.contoso.com/mailferry; it is not an option
  because it may hold a password.
"""

TOKENS = """\
Make, list and remove tokens of the REST API. A token is shown once, when it is
made; the database has its digest only. Works beside a service that runs."""

TOKENS_EPILOG = """\
examples:
  mailferry token new dashboard --role viewer
  mailferry token list --data /var/lib/mailferry
  mailferry token remove dashboard
"""

MIGRATE = """\
Migrate the mailboxes of a CSV: check it, test the servers, copy all mailboxes at
once, and end when every one is synced or has failed. Run the same command again
to bring new mail over, or to go on after an interruption."""

MIGRATE_EPILOG = """\
examples:
  mailferry migrate users.csv --source imaps://imap.contoso.com --target maildir:./mailboxes
  mailferry migrate users.csv --source imaps://imap.contoso.com \\
      --target imaps://mail.fabrikam.com --target-user-template '{user}*mailadmin' \\
      --target-password-file admin.txt --max-concurrent-migrations 50
  mailferry migrate users.csv --source imaps://imap.contoso.com --target maildir:./mailboxes --watch

again:
  The batch keeps its folders unless --include-folders or --exclude-folders is
  given again, and each of its dates unless --received-after or --received-before
  is; the word any in place of a date lifts that bound.
  More rows in the CSV are more mailboxes; rows of mailboxes that failed may have
  another login.

the CSV:
  EmailAddress,UserName,Password
  terry@contoso.com,contoso\\terry.adams,1091990
  UserName is sent as it is written: an administrator's login may open the
  mailbox (Contoso/MailAdmin/terry, terry*mailadmin, #terry@contoso.com#mailadmin#).
  A column UserRoot names where a mailbox begins on the server. For a target that
  asks each user, TargetPassword (and TargetUserName) are columns too.
  docs/csv.md has all rules.

exit codes:
  0 all synced, 40 messages were not copied, 44 mailboxes failed or rows were left
  out (they are in CSV's name.failures.csv), 2 wrong usage, 60 the CSV cannot be
  used, 61 a server failed its test, 76 no worker process can be started. All of
  them: mailferry help exit-codes
"""

CONSOLE = """\
Type the cmdlets of Exchange, such as New-MigrationBatch, or run a script of them.
They work on a service that runs (mailferry serve). Without -Command and -File, and
without a terminal, the commands are read from standard input."""

CONSOLE_EPILOG = """\
examples:
  mailferry console
  mailferry console -Command "Get-MigrationBatch | Format-List Identity,Status"
  mailferry console -File migrate.ps1 --data /var/lib/mailferry
  mailferry console --url https://mail.contoso.com:8380 --token-file operator.token

A script ends at the first error, unless the command that fails has -ErrorAction
Continue or the script begins with $ErrorActionPreference = "Continue".
One cmdlet needs no console: mailferry Get-MigrationBatch, mailferry batch get.

exit codes:
  0 all done, 1 a cmdlet failed, 2 the commands or the options cannot be read;
  exit N gives N
"""

COMPLETION = """\
Print a script that makes a shell complete the commands, cmdlets and options of
mailferry."""

COMPLETION_EPILOG = """\
examples:
  source <(mailferry completion bash)
  source <(mailferry completion zsh)
  mailferry completion fish > ~/.config/fish/completions/mailferry.fish
  mailferry completion powershell | Out-String | Invoke-Expression
"""
