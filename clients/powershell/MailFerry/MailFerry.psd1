# Made by tools/powershell_module.py from the table of cmdlets; do not edit.
@{
    RootModule = 'MailFerry.psm1'
    ModuleVersion = '0.1.0'
    GUID = '5a1f7c1e-6f0b-4d0a-9a53-2c8e51b0d7f4'
    Author = 'The Mailferry project'
    Description = 'Migrates mailboxes from IMAP servers with the cmdlets of Exchange Online.'
    PowerShellVersion = '5.1'
    CompatiblePSEditions = @('Desktop', 'Core')
    FormatsToProcess = @('MailFerry.Format.ps1xml')
    FunctionsToExport = @(
        'Connect-MailFerry',
        'Disconnect-MailFerry',
        'Test-MigrationServerAvailability',
        'Get-MigrationStatistics',
        'Get-MigrationConfig',
        'Set-MigrationConfig',
        'Export-MigrationReport',
        'New-MigrationEndpoint',
        'Get-MigrationEndpoint',
        'Set-MigrationEndpoint',
        'Remove-MigrationEndpoint',
        'New-MigrationBatch',
        'Get-MigrationBatch',
        'Set-MigrationBatch',
        'Start-MigrationBatch',
        'Stop-MigrationBatch',
        'Complete-MigrationBatch',
        'Remove-MigrationBatch',
        'Get-MigrationUser',
        'Set-MigrationUser',
        'Start-MigrationUser',
        'Stop-MigrationUser',
        'Remove-MigrationUser',
        'Get-MigrationUserStatistics',
        'Get-AcceptedDomain',
        'New-AcceptedDomain',
        'Remove-AcceptedDomain',
        'Get-Mailbox'
    )
    CmdletsToExport = @()
    VariablesToExport = @()
    AliasesToExport = @()
}
