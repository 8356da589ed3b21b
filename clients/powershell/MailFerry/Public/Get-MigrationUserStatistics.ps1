# Made by tools/powershell_module.py from the table of cmdlets; do not edit.

function Get-MigrationUserStatistics {
    <#
    .SYNOPSIS
    Shows all figures of a user.

    .DESCRIPTION
    Items, bytes, rates and durations; with -IncludeReport what happened, and with -IncludeSkippedItems each message
    that was not copied as it was.

    .PARAMETER Identity
    The user: an address, or the GUID if the address is in several batches.

    .PARAMETER IncludeReport
    Show what happened.

    .PARAMETER IncludeSkippedItems
    Show what was not copied.

    .PARAMETER LimitSkippedItemsTo
    How many skipped items at most. Default: 1000.

    .PARAMETER SkipSubscription
    Taken, without effect.

    .PARAMETER IncludeCopilotReport
    Taken, without effect.

    .PARAMETER DiagnosticInfo
    Taken, without effect: use -Verbose and the log of the service.

    .PARAMETER Partition
    Reserved. Taken, without effect.

    .EXAMPLE
    Get-MigrationUserStatistics terrya@contoso.edu | Format-List

    Shows all figures of a user.

    .EXAMPLE
    (Get-MigrationUserStatistics terrya@contoso.edu -IncludeSkippedItems).SkippedItems | Format-Table Subject,FolderName,Failure

    Shows what was not copied.

    .NOTES
    Differences from Exchange Online:
    Without -IncludeSkippedItems the property SkippedItems says how to see them, instead of {}.

    .LINK
    Connect-MailFerry
    #>
    [CmdletBinding(PositionalBinding = $false)]
    [OutputType('MailFerry.MigrationUserStatistics')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string] $Identity,

        [switch] $IncludeReport,

        [switch] $IncludeSkippedItems,

        [ValidateRange(1, 10000)]
        [int] $LimitSkippedItemsTo,

        [switch] $SkipSubscription,

        [switch] $IncludeCopilotReport,

        [string] $DiagnosticInfo,

        [string] $Partition
    )

    begin {
        if ($SkipSubscription) {
            Write-Warning -Message '-SkipSubscription has no effect.'
        }
        if ($IncludeCopilotReport) {
            Write-Warning -Message '-IncludeCopilotReport has no effect.'
        }
        if ($PSBoundParameters.ContainsKey('DiagnosticInfo')) {
            Write-Warning -Message '-DiagnosticInfo has no effect: use -Verbose and the log of the service.'
        }
    }

    process {
        $given = $PSBoundParameters
        $calls = @()
        try {
            $named = Resolve-MailFerryIdentity -Value $Identity -InputObject $_
            $query = [ordered]@{}
            if ($given.ContainsKey('IncludeReport')) { $query['report'] = [bool] $IncludeReport }
            if ($given.ContainsKey('IncludeSkippedItems')) { $query['skipped_items'] = [bool] $IncludeSkippedItems }
            if ($given.ContainsKey('LimitSkippedItemsTo')) { $query['limit'] = $LimitSkippedItemsTo }
            $calls += @{
                Method = 'GET'
                Path = '/users/' + (ConvertTo-MailFerrySegment -Value $named) + '/statistics'
                Query = $query
                Answer = 'One'
                Kind = 'MigrationUserStatistics'
                Named = $named
            }
        } catch {
            $PSCmdlet.ThrowTerminatingError($_)
        }
        Invoke-MailFerryCall -Cmdlet $PSCmdlet -Calls $calls
    }
}
