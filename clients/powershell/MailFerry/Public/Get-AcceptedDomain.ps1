# Made by tools/powershell_module.py from the table of cmdlets; do not edit.

function Get-AcceptedDomain {
    <#
    .SYNOPSIS
    Shows the accepted domains.

    .DESCRIPTION
    The list is this service's own: with domains in it, rows of a CSV whose address is of another domain are left out.

    .PARAMETER Identity
    The domain: its name or its GUID.

    .PARAMETER ResultSize
    How many objects at most: a number, or Unlimited. Default: 1000.

    .EXAMPLE
    Get-AcceptedDomain

    Shows all accepted domains.

    .NOTES
    Differences from Exchange Online:
    The list is this service's own: with domains in it, rows of a CSV whose address is of another domain are left out.

    .LINK
    New-AcceptedDomain

    .LINK
    Remove-AcceptedDomain

    .LINK
    Connect-MailFerry
    #>
    [CmdletBinding(PositionalBinding = $false)]
    [OutputType('MailFerry.AcceptedDomain')]
    param(
        [Parameter(Position = 0, ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string] $Identity,

        [ValidateScript({ Test-MailFerryUnlimited -Value $_ -Least 1 })]
        [string] $ResultSize = '1000'
    )

    process {
        $given = $PSBoundParameters
        $calls = @()
        try {
            $named = Resolve-MailFerryIdentity -Value $Identity -InputObject $_
            if ($given.ContainsKey('Identity')) {
                $calls += @{
                    Method = 'GET'
                    Path = '/accepted-domains/' + (ConvertTo-MailFerrySegment -Value $named)
                    Answer = 'One'
                    Kind = 'AcceptedDomain'
                    Named = $named
                }
            }
            if (-not $given.ContainsKey('Identity')) {
                $calls += @{
                    Method = 'GET'
                    Path = '/accepted-domains'
                    Answer = 'List'
                    Kind = 'AcceptedDomain'
                    Named = ''
                }
            }
        } catch {
            $PSCmdlet.ThrowTerminatingError($_)
        }
        Invoke-MailFerryCall -Cmdlet $PSCmdlet -Calls $calls -ResultSize $ResultSize
    }
}
