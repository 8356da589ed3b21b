# Made by tools/powershell_module.py from the table of cmdlets; do not edit.

function Get-MigrationStatistics {
    <#
    .SYNOPSIS
    Shows the totals over all batches.

    .DESCRIPTION
    Shows how many users are in which state, and how much was copied.

    .PARAMETER Identity
    Taken, without effect: there is only one.

    .PARAMETER DiagnosticInfo
    Taken, without effect: use -Verbose and the log of the service.

    .PARAMETER Partition
    Reserved. Taken, without effect.

    .EXAMPLE
    Get-MigrationStatistics | Format-List

    Shows all totals.

    .LINK
    Connect-MailFerry
    #>
    [CmdletBinding(PositionalBinding = $false)]
    [OutputType('MailFerry.MigrationStatistics')]
    param(
        [Parameter(Position = 0)]
        [string] $Identity,

        [string] $DiagnosticInfo,

        [string] $Partition
    )

    begin {
        if ($PSBoundParameters.ContainsKey('DiagnosticInfo')) {
            Write-Warning -Message '-DiagnosticInfo has no effect: use -Verbose and the log of the service.'
        }
    }

    process {
        $given = $PSBoundParameters
        $calls = @()
        try {
            $calls += @{
                Method = 'GET'
                Path = '/statistics'
                Answer = 'One'
                Kind = 'MigrationStatistics'
                Named = ''
            }
        } catch {
            $PSCmdlet.ThrowTerminatingError($_)
        }
        Invoke-MailFerryCall -Cmdlet $PSCmdlet -Calls $calls
    }
}
