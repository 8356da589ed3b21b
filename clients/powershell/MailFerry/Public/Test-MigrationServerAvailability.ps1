# Made by tools/powershell_module.py from the table of cmdlets; do not edit.

function Test-MigrationServerAvailability {
    <#
    .SYNOPSIS
    Tests whether a server can be reached with these settings.

    .DESCRIPTION
    The name is looked up, the port connected, TLS agreed on, and the greeting read, within 15 seconds. Nobody logs in
    and nothing is saved. If it succeeds, use the same settings for the endpoint.

    .PARAMETER IMAP
    An IMAP server.

    .PARAMETER RemoteServer
    The host name of the server.

    .PARAMETER Port
    The port: 993 for Ssl, 143 for Tls and None.

    .PARAMETER Security
    TLS from the start (Ssl), by STARTTLS (Tls), or none. Default: Ssl.

    .PARAMETER Authentication
    How the users would log in. NTLM is not there. Default: Basic.

    .PARAMETER AcceptUntrustedCertificates
    Take any certificate.

    .PARAMETER Endpoint
    Test this endpoint, with its settings.

    .PARAMETER Partition
    Reserved. Taken, without effect.

    .EXAMPLE
    Test-MigrationServerAvailability -IMAP -RemoteServer imap.contoso.com -Port 993 -Security Ssl

    Tests a server.

    .EXAMPLE
    Test-MigrationServerAvailability -Endpoint IMAPEndpoint

    Tests an endpoint.

    .NOTES
    Differences from Exchange Online:
    The answer also has each step, what to do about it, and the certificate.

    .LINK
    Connect-MailFerry
    #>
    [CmdletBinding(DefaultParameterSetName = 'IMAP', PositionalBinding = $false)]
    [OutputType('MailFerry.MigrationServerAvailability')]
    param(
        [Parameter(Mandatory = $true, ParameterSetName = 'IMAP')]
        [ValidateScript({ $_.IsPresent })]
        [switch] $IMAP,

        [Parameter(Mandatory = $true, ParameterSetName = 'IMAP')]
        [ValidateNotNullOrEmpty()]
        [string] $RemoteServer,

        [Parameter(Mandatory = $true, ParameterSetName = 'IMAP')]
        [ValidateRange(1, 65535)]
        [int] $Port,

        [Parameter(ParameterSetName = 'IMAP')]
        [ValidateSet('None', 'Ssl', 'Tls')]
        [string] $Security,

        [Parameter(ParameterSetName = 'IMAP')]
        [ValidateSet('Basic', 'Plain')]
        [string] $Authentication,

        [Parameter(ParameterSetName = 'IMAP')]
        [switch] $AcceptUntrustedCertificates,

        [Parameter(Mandatory = $true, Position = 0, ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true, ParameterSetName = 'Endpoint')]
        [ValidateNotNullOrEmpty()]
        [Alias('Identity')]
        [string] $Endpoint,

        [string] $Partition
    )

    process {
        $given = $PSBoundParameters
        $calls = @()
        try {
            $named = Resolve-MailFerryIdentity -Value $Endpoint -InputObject $_
            if ($given.ContainsKey('Endpoint')) {
                $calls += @{
                    Method = 'POST'
                    Path = '/endpoints/' + (ConvertTo-MailFerrySegment -Value $named) + '/test'
                    Answer = 'One'
                    Kind = 'MigrationServerAvailability'
                    Named = $named
                }
            }
            if (-not $given.ContainsKey('Endpoint')) {
                $body = [ordered]@{}
                if ($given.ContainsKey('RemoteServer')) { $body['remote_server'] = $RemoteServer }
                if ($given.ContainsKey('Port')) { $body['port'] = $Port }
                if ($given.ContainsKey('Security')) { $body['security'] = ConvertTo-MailFerryChoice -Value $Security -Choices @('None', 'Ssl', 'Tls') }
                if ($given.ContainsKey('Authentication')) { $body['authentication'] = ConvertTo-MailFerryChoice -Value $Authentication -Choices @('Basic', 'Plain') }
                if ($given.ContainsKey('AcceptUntrustedCertificates')) { $body['accept_untrusted_certificates'] = [bool] $AcceptUntrustedCertificates }
                $calls += @{
                    Method = 'POST'
                    Path = '/availability'
                    Body = $body
                    Answer = 'One'
                    Kind = 'MigrationServerAvailability'
                    Named = ''
                }
            }
        } catch {
            $PSCmdlet.ThrowTerminatingError($_)
        }
        Invoke-MailFerryCall -Cmdlet $PSCmdlet -Calls $calls
    }
}
