# Made by tools/powershell_module.py from the table of cmdlets; do not edit.

function Get-MigrationConfig {
    <#
    .SYNOPSIS
    Shows the settings of the service.

    .DESCRIPTION
    Shows limits, intervals, and how often a failed pass is tried again.

    .PARAMETER Identity
    Taken, without effect: there is only one.

    .PARAMETER AllPartitions
    Taken, without effect.

    .PARAMETER Partition
    Reserved. Taken, without effect.

    .EXAMPLE
    Get-MigrationConfig | Format-List Max*

    Shows the limits.

    .NOTES
    Differences from Exchange Online:
    The settings are those of this service.

    .LINK
    Set-MigrationConfig

    .LINK
    Connect-MailFerry
    #>
    [CmdletBinding(PositionalBinding = $false)]
    [OutputType('MailFerry.MigrationConfig')]
    param(
        [Parameter(Position = 0)]
        [string] $Identity,

        [switch] $AllPartitions,

        [string] $Partition
    )

    begin {
        if ($AllPartitions) {
            Write-Warning -Message '-AllPartitions has no effect.'
        }
    }

    process {
        $given = $PSBoundParameters
        $calls = @()
        try {
            $calls += @{
                Method = 'GET'
                Path = '/config'
                Answer = 'One'
                Kind = 'MigrationConfig'
                Named = ''
            }
        } catch {
            $PSCmdlet.ThrowTerminatingError($_)
        }
        Invoke-MailFerryCall -Cmdlet $PSCmdlet -Calls $calls
    }
}
