# Made by tools/powershell_module.py from the table of cmdlets; do not edit.

function Set-MigrationBatch {
    <#
    .SYNOPSIS
    Changes a batch, adds users to it, or syncs it now.

    .DESCRIPTION
    Settings of a user go before those of the batch. With -CSVData the new users of the file are added; rows of users
    who failed give them another login. -SyncNow begins the incremental sync of all synced users; do it after the MX
    record was changed.

    .PARAMETER Identity
    The batch: its name or its GUID.

    .PARAMETER CSVData
    The CSV file: its bytes, or its name. Columns: EmailAddress, UserName, Password, and if need be UserRoot,
    TargetUserName, TargetPassword.

    .PARAMETER AddUsers
    Add the users of the CSV that are not in the batch yet. -CSVData alone does the same. Only with -CSVData.

    .PARAMETER AllowUnknownColumnsInCsv
    Ignore columns that are not known; else they are an error. Only with -CSVData.

    .PARAMETER SyncNow
    Begin the incremental sync of all synced users now, and compare all flags. Failed ones stay as they are.

    .PARAMETER IncludeFolders
    Copy these folders only. Names are relative to the root of the mailbox and in any case; Folder/* is a folder with
    those below it; #Inbox# is the inbox whatever its name.

    .PARAMETER ExcludeFolders
    Do not copy these folders; named as for IncludeFolders.

    .PARAMETER ContentFilter
    Copy only mail received in a range: Received with -gt, -ge, -lt, -le or -eq and a date in quotes, joined by -and.
    Empty: all mail.

    .PARAMETER ContentFilterLanguage
    The culture in which the dates of ContentFilter are written, such as en-GB or de-DE.

    .PARAMETER StartAfter
    Not before this moment. Without a zone it is UTC. $null (in a shell: none) takes it away.

    .PARAMETER CompleteAfter
    Complete by itself when this moment has come. Without a zone it is UTC. $null (in a shell: none) takes it away.

    .PARAMETER TimeZone
    The time zone in which reports show times. Default: UTC.

    .PARAMETER NotificationEmails
    Who gets the reports by mail; nobody: none is sent.

    .PARAMETER ReportInterval
    Time from one report to the next, such as 1.00:00:00 for a day; 0: none. Default: 1.00:00:00.

    .PARAMETER SkipReports
    Send no reports.

    .PARAMETER Priority
    Users with a higher number go first.

    .PARAMETER ApproveSkippedItems
    Taken, without effect: skipped items need no approval.

    .PARAMETER Update
    Taken, without effect: changes hold at once.

    .PARAMETER SkipMerging
    Taken, without effect: it has no meaning for IMAP.

    .PARAMETER Partition
    Reserved. Taken, without effect.

    .EXAMPLE
    Set-MigrationBatch IMAPBatch1 -SyncNow

    Fetches what is new, now.

    .EXAMPLE
    Set-MigrationBatch IMAPBatch1 -AddUsers -CSVData more.csv

    Adds the new users of a file to a batch.

    .EXAMPLE
    Set-MigrationBatch IMAPBatch1 -CompleteAfter (Get-Date).AddDays(2)

    Completes a batch in two days.

    .NOTES
    Differences from Exchange Online:
    Skipped items need no approval; -ApproveSkippedItems and -Update are taken, without effect.

    .LINK
    New-MigrationBatch

    .LINK
    Get-MigrationBatch

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
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string] $Identity,

        [ValidateNotNull()]
        [object] $CSVData,

        [switch] $AddUsers,

        [bool] $AllowUnknownColumnsInCsv,

        [switch] $SyncNow,

        [string[]] $IncludeFolders,

        [string[]] $ExcludeFolders,

        [string] $ContentFilter,

        [ValidateNotNullOrEmpty()]
        [string] $ContentFilterLanguage,

        [Nullable[datetime]] $StartAfter,

        [Nullable[datetime]] $CompleteAfter,

        [ValidateNotNullOrEmpty()]
        [string] $TimeZone,

        [string[]] $NotificationEmails,

        [timespan] $ReportInterval,

        [bool] $SkipReports,

        [int] $Priority,

        [switch] $ApproveSkippedItems,

        [switch] $Update,

        [switch] $SkipMerging,

        [string] $Partition
    )

    begin {
        if ($ApproveSkippedItems) {
            Write-Warning -Message '-ApproveSkippedItems has no effect: skipped items need no approval.'
        }
        if ($SkipMerging) {
            Write-Warning -Message '-SkipMerging has no effect: it has no meaning for IMAP.'
        }
    }

    process {
        $given = $PSBoundParameters
        $calls = @()
        try {
            $named = Resolve-MailFerryIdentity -Value $Identity -InputObject $_
            Assert-MailFerryCompanion -Bound $given -Name 'AddUsers' -Needs @('CSVData')
            Assert-MailFerryCompanion -Bound $given -Name 'AllowUnknownColumnsInCsv' -Needs @('CSVData')
            if (Test-MailFerryGiven -Bound $given -Name @('IncludeFolders', 'ExcludeFolders', 'ContentFilter', 'ContentFilterLanguage', 'NotificationEmails', 'ReportInterval', 'SkipReports', 'TimeZone', 'Priority', 'StartAfter', 'CompleteAfter')) {
                $body = [ordered]@{}
                if ($given.ContainsKey('IncludeFolders')) { $body['include_folders'] = ConvertTo-MailFerryList -Value $IncludeFolders }
                if ($given.ContainsKey('ExcludeFolders')) { $body['exclude_folders'] = ConvertTo-MailFerryList -Value $ExcludeFolders }
                if ($given.ContainsKey('ContentFilter')) { $body['content_filter'] = $ContentFilter }
                if ($given.ContainsKey('ContentFilterLanguage')) { $body['content_filter_language'] = $ContentFilterLanguage }
                if ($given.ContainsKey('NotificationEmails')) { $body['notification_emails'] = ConvertTo-MailFerryList -Value $NotificationEmails }
                if ($given.ContainsKey('ReportInterval')) { $body['report_interval_seconds'] = ConvertTo-MailFerrySeconds -Value $ReportInterval }
                if ($given.ContainsKey('SkipReports')) { $body['skip_reports'] = $SkipReports }
                if ($given.ContainsKey('TimeZone')) { $body['time_zone'] = $TimeZone }
                if ($given.ContainsKey('Priority')) { $body['priority'] = $Priority }
                if ($given.ContainsKey('StartAfter')) { $body['start_after'] = ConvertTo-MailFerryMoment -Value $StartAfter }
                if ($given.ContainsKey('CompleteAfter')) { $body['complete_after'] = ConvertTo-MailFerryMoment -Value $CompleteAfter }
                $calls += @{
                    Method = 'PATCH'
                    Path = '/batches/' + (ConvertTo-MailFerrySegment -Value $named)
                    Body = $body
                    Answer = 'Nothing'
                    Kind = 'MigrationBatch'
                    Named = $named
                }
            }
            if ($given.ContainsKey('CSVData')) {
                $body = [ordered]@{}
                if ($given.ContainsKey('AllowUnknownColumnsInCsv')) { $body['allow_unknown_columns'] = $AllowUnknownColumnsInCsv }
                $csv = Read-MailFerryCsv -Value $CSVData
                $body['csv_data'] = $csv['Base64']
                if ($csv['Name']) { $body['file_name'] = $csv['Name'] }
                $calls += @{
                    Method = 'POST'
                    Path = '/batches/' + (ConvertTo-MailFerrySegment -Value $named) + '/users'
                    Body = $body
                    Answer = 'One'
                    Kind = 'MigrationBatch'
                    Named = $named
                }
            }
            if ($SyncNow) {
                $calls += @{
                    Method = 'POST'
                    Path = '/batches/' + (ConvertTo-MailFerrySegment -Value $named) + '/sync-now'
                    Answer = 'Nothing'
                    Kind = 'MigrationBatch'
                    Named = $named
                }
            }
        } catch {
            $PSCmdlet.ThrowTerminatingError($_)
        }
        if ($calls.Count -eq 0) {
            if (-not (Test-MailFerryGiven -Bound $given -Name @('ApproveSkippedItems', 'Update', 'SkipMerging', 'Partition'))) {
                Write-Warning -Message 'Set-MigrationBatch was given nothing to change.'
            }
            return
        }
        if (-not $PSCmdlet.ShouldProcess($Identity, 'Changing the migration batch')) { return }
        Invoke-MailFerryCall -Cmdlet $PSCmdlet -Calls $calls -Quiet
    }
}
