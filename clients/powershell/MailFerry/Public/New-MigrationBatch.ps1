# Made by tools/powershell_module.py from the table of cmdlets; do not edit.

function New-MigrationBatch {
    <#
    .SYNOPSIS
    Makes a batch: the users of a CSV, or of other batches, who are migrated together.

    .DESCRIPTION
    The CSV has the columns EmailAddress, UserName, Password, and UserRoot where it is needed. Rows in error are left
    out and counted in ValidationWarningCount; Get-MigrationBatch -IncludeReport lists them. The batch starts at once
    with -AutoStart, else by Start-MigrationBatch. With -Users or -UserIds users of other batches make up the new one.
    They go over to it with their passwords and with what is known of their mail, so that the new batch goes on where
    the old one stopped and nothing is copied twice. Endpoints, folders and content filter are those of the old batch,
    unless folders or the filter are given. The old batch has the users no more; a started one whose users have all gone
    is stopped.

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

    .PARAMETER AdoptPreexisting
    Take users of the CSV over who are in other batches; else their rows are left out. The old batches have them no
    more.

    .PARAMETER RemoveOnCopy
    Say that nothing of those users stays in their old batches, as is so without it. Only with -AdoptPreexisting.

    .PARAMETER Users
    In place of a CSV: users of other batches, as Get-MigrationUser gives them.

    .PARAMETER UserIds
    In place of a CSV: users of other batches, by address, or by GUID if an address is in several.

    .PARAMETER DisableOnCopy
    Take users out of their old batches, too, who have not failed, stopped or completed there.

    .PARAMETER IncludeFolders
    Copy these folders only. Names are relative to the root of the mailbox and in any case; Folder/* is a folder with
    those below it; #Inbox# is the inbox whatever its name.

    .PARAMETER ExcludeFolders
    Do not copy these folders; named as for IncludeFolders.

    .PARAMETER ContentFilter
    Copy only mail received in a range: Received with -gt, -ge, -lt, -le or -eq and a date in quotes, joined by -and.

    .PARAMETER ContentFilterLanguage
    The culture in which the dates of ContentFilter are written, such as en-GB or de-DE. Default: en-US.

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

    .EXAMPLE
    New-MigrationBatch -Name IMAPBatch3 -SourceEndpoint IMAPEndpoint -CSVData users.csv -ContentFilter "Received -ge '2025-01-01' -and Received -lt '2026-01-01'"

    Makes a batch that brings over the mail of one year. Nothing is deleted when the filter is changed later.

    .EXAMPLE
    New-MigrationBatch -Name Retry -Users (Get-MigrationUser -BatchId IMAPBatch1 -Status Failed) -DisableOnCopy -AutoStart

    Gives the users of a batch who failed a batch of their own, and tries them again there.

    .EXAMPLE
    New-MigrationBatch -Name Night -UserIds terrya@contoso.edu,ann@contoso.edu -DisableOnCopy

    Takes two users out of their batches into a new one.

    .EXAMPLE
    New-MigrationBatch -Name IMAPBatch3 -SourceEndpoint IMAPEndpoint -CSVData users.csv -AdoptPreexisting -RemoveOnCopy

    Makes a batch of the users in a file, also of those who are in other batches.

    .NOTES
    Differences from Exchange Online:
    -CSVData also takes the name of a file.
    -TargetEndpoint and -Priority are ours.
    -ContentFilter knows Received alone; a date without a zone is UTC.
    A user is in one batch only, so that two cannot copy the same mail: users are not copied to the new batch, they move
    to it, and nothing of them stays in the old one. -RemoveOnCopy is accepted, and is what happens anyway.
    -DisableOnCopy is the permission to take users who are at work in the old batch (all but failed, stopped and
    completed ones). Users in whom a pass runs do not move; stop them first.
    -SourceEndpoint may be given with -Users and -UserIds. It must be that of the users, and so must -TargetEndpoint;
    -AdoptPreexisting with a CSV moves users to other endpoints.
    -Analyze is not there; to see what would be copied use mailferry copy --dry-run for a mailbox, and
    Test-MigrationServerAvailability for the server.

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
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', DefaultParameterSetName = 'Onboarding', PositionalBinding = $false)]
    [OutputType('MailFerry.MigrationBatch')]
    param(
        [Parameter(Mandatory = $true, Position = 0)]
        [ValidateNotNullOrEmpty()]
        [ValidateLength(0, 64)]
        [string] $Name,

        [Parameter(Mandatory = $true, ParameterSetName = 'Onboarding')]
        [Parameter(ParameterSetName = 'Preexisting')]
        [Parameter(ParameterSetName = 'PreexistingUserIds')]
        [ValidateNotNullOrEmpty()]
        [string] $SourceEndpoint,

        [ValidateNotNullOrEmpty()]
        [string] $TargetEndpoint,

        [Parameter(Mandatory = $true, ParameterSetName = 'Onboarding')]
        [ValidateNotNull()]
        [object] $CSVData,

        [switch] $AutoStart,

        [Parameter(ParameterSetName = 'Onboarding')]
        [bool] $AllowUnknownColumnsInCsv,

        [Parameter(ParameterSetName = 'Onboarding')]
        [switch] $AdoptPreexisting,

        [Parameter(ParameterSetName = 'Onboarding')]
        [switch] $RemoveOnCopy,

        [Parameter(Mandatory = $true, ParameterSetName = 'Preexisting')]
        [object[]] $Users,

        [Parameter(Mandatory = $true, ParameterSetName = 'PreexistingUserIds')]
        [string[]] $UserIds,

        [Parameter(ParameterSetName = 'Preexisting')]
        [Parameter(ParameterSetName = 'PreexistingUserIds')]
        [switch] $DisableOnCopy,

        [string[]] $IncludeFolders,

        [string[]] $ExcludeFolders,

        [ValidateNotNullOrEmpty()]
        [string] $ContentFilter,

        [ValidateNotNullOrEmpty()]
        [string] $ContentFilterLanguage,

        [datetime] $StartAfter,

        [datetime] $CompleteAfter,

        [ValidateNotNullOrEmpty()]
        [string] $TimeZone,

        [string[]] $NotificationEmails,

        [timespan] $ReportInterval,

        [switch] $SkipReports,

        [int] $Priority,

        [switch] $SkipMerging,

        [switch] $AutoComplete,

        [string] $Partition
    )

    begin {
        if ($SkipMerging) {
            Write-Warning -Message '-SkipMerging has no effect: it has no meaning for IMAP.'
        }
        if ($AutoComplete) {
            Write-Warning -Message '-AutoComplete has no effect: give -CompleteAfter (Get-Date) instead, or run Complete-MigrationBatch later.'
        }
    }

    process {
        $given = $PSBoundParameters
        $calls = @()
        try {
            Assert-MailFerryCompanion -Bound $given -Name 'RemoveOnCopy' -Needs @('AdoptPreexisting')
            $body = [ordered]@{}
            if ($given.ContainsKey('Name')) { $body['name'] = $Name }
            if ($given.ContainsKey('SourceEndpoint')) { $body['source_endpoint'] = $SourceEndpoint }
            if ($given.ContainsKey('TargetEndpoint')) { $body['target_endpoint'] = $TargetEndpoint }
            if ($given.ContainsKey('AutoStart')) { $body['auto_start'] = [bool] $AutoStart }
            if ($given.ContainsKey('AllowUnknownColumnsInCsv')) { $body['allow_unknown_columns'] = $AllowUnknownColumnsInCsv }
            if ($given.ContainsKey('AdoptPreexisting')) { $body['adopt_preexisting'] = [bool] $AdoptPreexisting }
            if ($given.ContainsKey('RemoveOnCopy')) { $body['remove_on_copy'] = [bool] $RemoveOnCopy }
            if ($given.ContainsKey('Users')) { $body['user_ids'] = ConvertTo-MailFerryNames -Value $Users }
            if ($given.ContainsKey('UserIds')) { $body['user_ids'] = ConvertTo-MailFerryList -Value $UserIds }
            if ($given.ContainsKey('DisableOnCopy')) { $body['disable_on_copy'] = [bool] $DisableOnCopy }
            if ($given.ContainsKey('IncludeFolders')) { $body['include_folders'] = ConvertTo-MailFerryList -Value $IncludeFolders }
            if ($given.ContainsKey('ExcludeFolders')) { $body['exclude_folders'] = ConvertTo-MailFerryList -Value $ExcludeFolders }
            if ($given.ContainsKey('ContentFilter')) { $body['content_filter'] = $ContentFilter }
            if ($given.ContainsKey('ContentFilterLanguage')) { $body['content_filter_language'] = $ContentFilterLanguage }
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
