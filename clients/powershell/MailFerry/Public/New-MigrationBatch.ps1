# Made by tools/powershell_module.py from the table of cmdlets; do not edit.

function New-MigrationBatch {
    <#
    .SYNOPSIS
    Makes a batch: the users of a CSV, who are migrated together.

    .DESCRIPTION
    The CSV has the columns EmailAddress, UserName, Password, and UserRoot where it is needed. Rows in error are left
    out and counted in ValidationWarningCount; Get-MigrationBatch -IncludeReport lists them. The batch starts at once
    with -AutoStart, else by Start-MigrationBatch.

    .PARAMETER Name
    The name of the batch.

    .PARAMETER SourceEndpoint
    The endpoint that mail is fetched from.

    .PARAMETER TargetEndpoint
    The endpoint that mail is brought to. Default: the default target.

    .PARAMETER CSVData
    The CSV file: its bytes, or its name. Columns: EmailAddress, UserName, Password, and if need be UserRoot,
    TargetUserName, TargetPassword.

    .PARAMETER AutoStart
    Start the batch at once.

    .PARAMETER AllowUnknownColumnsInCsv
    Ignore columns that are not known; else they are an error. Default: False.

    .PARAMETER IncludeFolders
    Copy these folders only. Names are relative to the root of the mailbox and in any case; Folder/* is a folder with
    those below it; #Inbox# is the inbox whatever its name.

    .PARAMETER ExcludeFolders
    Do not copy these folders; named as for IncludeFolders.

    .PARAMETER StartAfter
    Not before this moment. Without a zone it is UTC.

    .PARAMETER CompleteAfter
    Complete by itself when this moment has come. Without a zone it is UTC.

    .PARAMETER TimeZone
    The time zone in which reports show times. Default: UTC.

    .PARAMETER NotificationEmails
    Who gets the reports by mail; nobody: none is sent.

    .PARAMETER ReportInterval
    Time from one report to the next, such as 1.00:00:00 for a day; 0: none. Default: 1.00:00:00.

    .PARAMETER SkipReports
    Send no reports.

    .PARAMETER Priority
    Users with a higher number go first. Default: 0.

    .PARAMETER SkipMerging
    Taken, without effect: it has no meaning for IMAP.

    .PARAMETER AdoptPreexisting
    Taken, without effect: it has no meaning for IMAP.

    .PARAMETER AutoComplete
    Taken, without effect: give -CompleteAfter (Get-Date) instead, or run Complete-MigrationBatch later.

    .PARAMETER Partition
    Reserved. Taken, without effect.

    .EXAMPLE
    New-MigrationBatch -Name IMAPBatch1 -SourceEndpoint IMAPEndpoint -CSVData ([System.IO.File]::ReadAllBytes("C:\Users\Administrator\Desktop\IMAPmigration_1.csv")) -AutoStart

    Makes a batch of the users in a file and starts it.

    .EXAMPLE
    New-MigrationBatch -Name IMAPBatch2 -SourceEndpoint IMAPEndpoint -CSVData users.csv -ExcludeFolders '[Gmail]','Public Folders/*' -CompleteAfter 2026-12-01T18:00Z

    Makes a batch without some folders that completes by itself. The name of a file does for its bytes.

    .NOTES
    Differences from Exchange Online:
    -CSVData also takes the name of a file.
    -TargetEndpoint and -Priority are ours.
    ContentFilter is not there; folders can be chosen.

    .LINK
    Get-MigrationBatch

    .LINK
    Set-MigrationBatch

    .LINK
    Start-MigrationBatch

    .LINK
    Stop-MigrationBatch

    .LINK
    Complete-MigrationBatch

    .LINK
    Remove-MigrationBatch

    .LINK
    Connect-MailFerry
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    [OutputType('MailFerry.MigrationBatch')]
    param(
        [Parameter(Mandatory = $true, Position = 0)]
        [ValidateNotNullOrEmpty()]
        [ValidateLength(0, 64)]
        [string] $Name,

        [Parameter(Mandatory = $true)]
        [ValidateNotNullOrEmpty()]
        [string] $SourceEndpoint,

        [ValidateNotNullOrEmpty()]
        [string] $TargetEndpoint,

        [Parameter(Mandatory = $true)]
        [ValidateNotNull()]
        [object] $CSVData,

        [switch] $AutoStart,

        [bool] $AllowUnknownColumnsInCsv,

        [string[]] $IncludeFolders,

        [string[]] $ExcludeFolders,

        [datetime] $StartAfter,

        [datetime] $CompleteAfter,

        [ValidateNotNullOrEmpty()]
        [string] $TimeZone,

        [string[]] $NotificationEmails,

        [timespan] $ReportInterval,

        [switch] $SkipReports,

        [int] $Priority,

        [switch] $SkipMerging,

        [switch] $AdoptPreexisting,

        [switch] $AutoComplete,

        [string] $Partition
    )

    begin {
        if ($SkipMerging) {
            Write-Warning -Message '-SkipMerging has no effect: it has no meaning for IMAP.'
        }
        if ($AdoptPreexisting) {
            Write-Warning -Message '-AdoptPreexisting has no effect: it has no meaning for IMAP.'
        }
        if ($AutoComplete) {
            Write-Warning -Message '-AutoComplete has no effect: give -CompleteAfter (Get-Date) instead, or run Complete-MigrationBatch later.'
        }
    }

    process {
        $given = $PSBoundParameters
        $calls = @()
        try {
            $body = [ordered]@{}
            if ($given.ContainsKey('Name')) { $body['name'] = $Name }
            if ($given.ContainsKey('SourceEndpoint')) { $body['source_endpoint'] = $SourceEndpoint }
            if ($given.ContainsKey('TargetEndpoint')) { $body['target_endpoint'] = $TargetEndpoint }
            if ($given.ContainsKey('AutoStart')) { $body['auto_start'] = [bool] $AutoStart }
            if ($given.ContainsKey('AllowUnknownColumnsInCsv')) { $body['allow_unknown_columns'] = $AllowUnknownColumnsInCsv }
            if ($given.ContainsKey('IncludeFolders')) { $body['include_folders'] = ConvertTo-MailFerryList -Value $IncludeFolders }
            if ($given.ContainsKey('ExcludeFolders')) { $body['exclude_folders'] = ConvertTo-MailFerryList -Value $ExcludeFolders }
            if ($given.ContainsKey('NotificationEmails')) { $body['notification_emails'] = ConvertTo-MailFerryList -Value $NotificationEmails }
            if ($given.ContainsKey('ReportInterval')) { $body['report_interval_seconds'] = ConvertTo-MailFerrySeconds -Value $ReportInterval }
            if ($given.ContainsKey('SkipReports')) { $body['skip_reports'] = [bool] $SkipReports }
            if ($given.ContainsKey('TimeZone')) { $body['time_zone'] = $TimeZone }
            if ($given.ContainsKey('Priority')) { $body['priority'] = $Priority }
            if ($given.ContainsKey('StartAfter')) { $body['start_after'] = ConvertTo-MailFerryMoment -Value $StartAfter }
            if ($given.ContainsKey('CompleteAfter')) { $body['complete_after'] = ConvertTo-MailFerryMoment -Value $CompleteAfter }
            if ($given.ContainsKey('CSVData')) {
                $csv = Read-MailFerryCsv -Value $CSVData
                $body['csv_data'] = $csv['Base64']
                if ($csv['Name']) { $body['file_name'] = $csv['Name'] }
            }
            $calls += @{
                Method = 'POST'
                Path = '/batches'
                Body = $body
                Answer = 'One'
                Kind = 'MigrationBatch'
                Named = ''
            }
        } catch {
            $PSCmdlet.ThrowTerminatingError($_)
        }
        if (-not $PSCmdlet.ShouldProcess($Name, 'Creating the migration batch')) { return }
        Invoke-MailFerryCall -Cmdlet $PSCmdlet -Calls $calls
    }
}
