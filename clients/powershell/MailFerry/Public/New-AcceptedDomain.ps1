# Made by tools/powershell_module.py from the table of cmdlets; do not edit.

function New-AcceptedDomain {
    <#
    .SYNOPSIS
    Adds an accepted domain.

    .DESCRIPTION
    The list is this service's own: with domains in it, rows of a CSV whose address is of another domain are left out.

    .PARAMETER Name
    A name for the domain.

    .PARAMETER DomainName
    The domain; *.contoso.com has all below it.

    .PARAMETER DomainType
    Kept as it is given; nothing depends on it. Default: Authoritative.

    .EXAMPLE
    New-AcceptedDomain -Name Contoso -DomainName contoso.edu

    Adds a domain before its users come.

    .NOTES
    Differences from Exchange Online:
    The list is this service's own: with domains in it, rows of a CSV whose address is of another domain are left out.
    Exchange Online has no such cmdlet: there a domain is added in the admin center and proven by DNS.

    .LINK
    Get-AcceptedDomain

    .LINK
    Remove-AcceptedDomain

    .LINK
    Connect-MailFerry
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    [OutputType('MailFerry.AcceptedDomain')]
    param(
        [Parameter(Mandatory = $true, Position = 0)]
        [ValidateNotNullOrEmpty()]
        [ValidateLength(0, 256)]
        [string] $Name,

        [Parameter(Mandatory = $true)]
        [ValidateNotNullOrEmpty()]
        [ValidateLength(0, 256)]
        [string] $DomainName,

        [ValidateSet('Authoritative', 'InternalRelay', 'ExternalRelay')]
        [string] $DomainType
    )

    process {
        $given = $PSBoundParameters
        $calls = @()
        try {
            $body = [ordered]@{}
            if ($given.ContainsKey('Name')) { $body['name'] = $Name }
            if ($given.ContainsKey('DomainName')) { $body['domain_name'] = $DomainName }
            if ($given.ContainsKey('DomainType')) { $body['domain_type'] = ConvertTo-MailFerryChoice -Value $DomainType -Choices @('Authoritative', 'InternalRelay', 'ExternalRelay') }
            $calls += @{
                Method = 'POST'
                Path = '/accepted-domains'
                Body = $body
                Answer = 'One'
                Kind = 'AcceptedDomain'
                Named = ''
            }
        } catch {
            $PSCmdlet.ThrowTerminatingError($_)
        }
        if (-not $PSCmdlet.ShouldProcess($Name, 'Adding the accepted domain')) { return }
        Invoke-MailFerryCall -Cmdlet $PSCmdlet -Calls $calls
    }
}
