# Made by tools/powershell_module.py from the table of cmdlets; do not edit.

function Get-MigrationEndpoint {
    <#
    .SYNOPSIS
    Shows endpoints.

    .DESCRIPTION
    Shows one endpoint, or all of them by name. Passwords are never shown.

    .PARAMETER Identity
    The endpoint: its name or its GUID.

    .PARAMETER Type
    Those of this type only.

    .PARAMETER Role
    Those of this role only.

    .PARAMETER DiagnosticInfo
    Taken, without effect.

    .EXAMPLE
    Get-MigrationEndpoint IMAPEndpoint | Format-List EndpointType,RemoteServer,Port,Security,Max*

    Shows some settings of an endpoint.

    .NOTES
    Differences from Exchange Online:
    An Identity that does not exist is an error; Exchange Online shows all endpoints then.

    .LINK
    New-MigrationEndpoint

    .LINK
    Set-MigrationEndpoint

    .LINK
    Remove-MigrationEndpoint

    .LINK
    Connect-MailFerry
    #>
    [CmdletBinding(DefaultParameterSetName = 'Identity', PositionalBinding = $false)]
    [OutputType('MailFerry.MigrationEndpoint')]
    param(
        [Parameter(Position = 0, ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true, ParameterSetName = 'Identity')]
        [ValidateNotNullOrEmpty()]
        [string] $Identity,

        [Parameter(ParameterSetName = 'List')]
        [ValidateSet('IMAP', 'Maildir')]
        [string] $Type,

        [Parameter(ParameterSetName = 'List')]
        [ValidateSet('Source', 'Target')]
        [string] $Role,

        [string] $DiagnosticInfo
    )

    begin {
        if ($PSBoundParameters.ContainsKey('DiagnosticInfo')) {
            Write-Warning -Message '-DiagnosticInfo has no effect.'
        }
    }

    process {
        $given = $PSBoundParameters
        $calls = @()
        try {
            $named = Resolve-MailFerryIdentity -Value $Identity -InputObject $_
            if ($given.ContainsKey('Identity')) {
                $calls += @{
                    Method = 'GET'
                    Path = '/endpoints/' + (ConvertTo-MailFerrySegment -Value $named)
                    Answer = 'One'
                    Kind = 'MigrationEndpoint'
                    Named = $named
                }
            }
            if (-not $given.ContainsKey('Identity')) {
                $query = [ordered]@{}
                if ($given.ContainsKey('Type')) { $query['type'] = ConvertTo-MailFerryChoice -Value $Type -Choices @('IMAP', 'Maildir') }
                if ($given.ContainsKey('Role')) { $query['role'] = ConvertTo-MailFerryChoice -Value $Role -Choices @('Source', 'Target') }
                $calls += @{
                    Method = 'GET'
                    Path = '/endpoints'
                    Query = $query
                    Answer = 'List'
                    Kind = 'MigrationEndpoint'
                    Named = ''
                }
            }
        } catch {
            $PSCmdlet.ThrowTerminatingError($_)
        }
        Invoke-MailFerryCall -Cmdlet $PSCmdlet -Calls $calls
    }
}
