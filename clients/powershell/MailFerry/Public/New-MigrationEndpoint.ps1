# Made by tools/powershell_module.py from the table of cmdlets; do not edit.

function New-MigrationEndpoint {
    <#
    .SYNOPSIS
    Makes an endpoint: a server or folder that mail is fetched from or brought to.

    .DESCRIPTION
    The settings of a connection and its limits. The endpoint is tested before it is saved, for at most 15 seconds; the
    answer names the step that failed.

    .PARAMETER IMAP
    An IMAP server.

    .PARAMETER Maildir
    A folder of Maildirs, as a target.

    .PARAMETER Target
    Mail is brought to it.

    .PARAMETER Name
    The name of the endpoint.

    .PARAMETER RemoteServer
    The host name of the server.

    .PARAMETER Port
    The port. Default: 993 for Ssl, else 143.

    .PARAMETER Security
    TLS from the start (Ssl), by STARTTLS (Tls), or none. Default: Ssl.

    .PARAMETER Authentication
    Basic: what the server offers. Plain: SASL PLAIN. NTLM is not there. Default: Basic.

    .PARAMETER AcceptUntrustedCertificates
    Take any certificate. Passwords then go to whoever answers; use it in tests only.

    .PARAMETER MaxConcurrentMigrations
    How many mailboxes of this endpoint may be copied at the same time, 1 to 300. Default: 20.

    .PARAMETER MaxConcurrentIncrementalSyncs
    How many of them may be incremental syncs; not more than MaxConcurrentMigrations. Default: 10.

    .PARAMETER MaxConnectionsPerLogin
    How many of them may use the same login name, as the login of an administrator does. Default: 8.

    .PARAMETER Path
    The folder, on the machine of the service.

    .PARAMETER UserTemplate
    How the login names of the target are made: {user} is the address, {local} and {domain} its parts. Only with
    -AdminPassword.

    .PARAMETER AdminUser
    Log in to the target as this administrator, by SASL PLAIN, on behalf of each user. Only with -AdminPassword.

    .PARAMETER AdminPassword
    The password of the administrator of the target, a SecureString.

    .PARAMETER DefaultTarget
    Make this the target of batches that name none.

    .PARAMETER SkipVerification
    Save it without a test of the connection.

    .EXAMPLE
    New-MigrationEndpoint -IMAP -Name IMAPEndpoint -RemoteServer imap.contoso.com -Port 993 -Security Ssl

    Makes a source endpoint with TLS.

    .EXAMPLE
    New-MigrationEndpoint -IMAP -Name IMAPEndpoint -RemoteServer imap.contoso.com -Port 143 -Security Tls -MaxConcurrentMigrations 50 -MaxConcurrentIncrementalSyncs 25

    Makes a source endpoint with STARTTLS and limits of its own.

    .EXAMPLE
    New-MigrationEndpoint -Maildir -Name Archive -Path /srv/mail -DefaultTarget $true

    Makes a folder the target of all batches that name none.

    .EXAMPLE
    New-MigrationEndpoint -IMAP -Target -Name NewServer -RemoteServer imap.contoso.net -AdminUser mailadmin -AdminPassword (Read-Host -AsSecureString)

    Makes an IMAP server a target, with the login of an administrator.

    .NOTES
    Differences from Exchange Online:
    There are target endpoints (-Target, -Maildir), as mail need not go to Exchange Online.
    Authentication is Basic or Plain. NTLM is not there, as it is outdated and weak: servers that offer it take a plain
    login over TLS too, so use Basic with Ssl or Tls. A login name may be written as DOMAIN\user.
    The defaults are 20 migrations and 10 incremental syncs, those of the admin center; the pages of Exchange Online
    name 100 and 20 as well.

    .LINK
    Get-MigrationEndpoint

    .LINK
    Set-MigrationEndpoint

    .LINK
    Remove-MigrationEndpoint

    .LINK
    Connect-MailFerry
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', DefaultParameterSetName = 'IMAP', PositionalBinding = $false)]
    [OutputType('MailFerry.MigrationEndpoint')]
    param(
        [Parameter(Mandatory = $true, ParameterSetName = 'IMAP')]
        [Parameter(Mandatory = $true, ParameterSetName = 'TargetIMAP')]
        [ValidateScript({ $_.IsPresent })]
        [switch] $IMAP,

        [Parameter(Mandatory = $true, ParameterSetName = 'Maildir')]
        [ValidateScript({ $_.IsPresent })]
        [switch] $Maildir,

        [Parameter(Mandatory = $true, ParameterSetName = 'TargetIMAP')]
        [ValidateScript({ $_.IsPresent })]
        [switch] $Target,

        [Parameter(Mandatory = $true, Position = 0)]
        [ValidateNotNullOrEmpty()]
        [ValidateLength(0, 256)]
        [string] $Name,

        [Parameter(Mandatory = $true, ParameterSetName = 'IMAP')]
        [Parameter(Mandatory = $true, ParameterSetName = 'TargetIMAP')]
        [ValidateNotNullOrEmpty()]
        [string] $RemoteServer,

        [Parameter(ParameterSetName = 'IMAP')]
        [Parameter(ParameterSetName = 'TargetIMAP')]
        [ValidateRange(1, 65535)]
        [int] $Port,

        [Parameter(ParameterSetName = 'IMAP')]
        [Parameter(ParameterSetName = 'TargetIMAP')]
        [ValidateSet('None', 'Ssl', 'Tls')]
        [string] $Security,

        [Parameter(ParameterSetName = 'IMAP')]
        [Parameter(ParameterSetName = 'TargetIMAP')]
        [ValidateSet('Basic', 'Plain')]
        [string] $Authentication,

        [Parameter(ParameterSetName = 'IMAP')]
        [Parameter(ParameterSetName = 'TargetIMAP')]
        [switch] $AcceptUntrustedCertificates,

        [ValidateScript({ Test-MailFerryUnlimited -Value $_ -Least 1 -Most 300 })]
        [string] $MaxConcurrentMigrations,

        [ValidateScript({ Test-MailFerryUnlimited -Value $_ -Least 1 -Most 300 })]
        [string] $MaxConcurrentIncrementalSyncs,

        [ValidateScript({ Test-MailFerryUnlimited -Value $_ -Least 1 -Most 300 })]
        [string] $MaxConnectionsPerLogin,

        [Parameter(Mandatory = $true, ParameterSetName = 'Maildir')]
        [ValidateNotNullOrEmpty()]
        [string] $Path,

        [Parameter(ParameterSetName = 'TargetIMAP')]
        [ValidateNotNullOrEmpty()]
        [string] $UserTemplate,

        [Parameter(ParameterSetName = 'TargetIMAP')]
        [ValidateNotNullOrEmpty()]
        [string] $AdminUser,

        [Parameter(ParameterSetName = 'TargetIMAP')]
        [ValidateNotNull()]
        [securestring] $AdminPassword,

        [Parameter(ParameterSetName = 'TargetIMAP')]
        [Parameter(ParameterSetName = 'Maildir')]
        [bool] $DefaultTarget,

        [switch] $SkipVerification
    )

    process {
        $given = $PSBoundParameters
        $calls = @()
        try {
            Assert-MailFerryCompanion -Bound $given -Name 'UserTemplate' -Needs @('AdminPassword')
            Assert-MailFerryCompanion -Bound $given -Name 'AdminUser' -Needs @('AdminPassword')
            $body = [ordered]@{}
            if ($IMAP) {
                $body['type'] = 'IMAP'
            }
            if ($Target) {
                $body['role'] = 'Target'
            }
            if ($Maildir) {
                $body['type'] = 'Maildir'
                $body['role'] = 'Target'
            }
            if ($given.ContainsKey('Name')) { $body['name'] = $Name }
            if ($given.ContainsKey('RemoteServer')) { $body['remote_server'] = $RemoteServer }
            if ($given.ContainsKey('Port')) { $body['port'] = $Port }
            if ($given.ContainsKey('Security')) { $body['security'] = ConvertTo-MailFerryChoice -Value $Security -Choices @('None', 'Ssl', 'Tls') }
            if ($given.ContainsKey('Authentication')) { $body['authentication'] = ConvertTo-MailFerryChoice -Value $Authentication -Choices @('Basic', 'Plain') }
            if ($given.ContainsKey('AcceptUntrustedCertificates')) { $body['accept_untrusted_certificates'] = [bool] $AcceptUntrustedCertificates }
            if ($given.ContainsKey('MaxConcurrentMigrations')) { $body['max_concurrent_migrations'] = ConvertTo-MailFerryNumber -Value $MaxConcurrentMigrations -Most 300 }
            if ($given.ContainsKey('MaxConcurrentIncrementalSyncs')) { $body['max_concurrent_incremental_syncs'] = ConvertTo-MailFerryNumber -Value $MaxConcurrentIncrementalSyncs -Most 300 }
            if ($given.ContainsKey('MaxConnectionsPerLogin')) { $body['max_connections_per_login'] = ConvertTo-MailFerryNumber -Value $MaxConnectionsPerLogin -Most 300 }
            if ($given.ContainsKey('Path')) { $body['path'] = $Path }
            if ($given.ContainsKey('UserTemplate')) { $body['user_template'] = $UserTemplate }
            if ($given.ContainsKey('AdminUser')) { $body['admin_user'] = $AdminUser }
            if ($given.ContainsKey('AdminPassword')) { $body['password'] = ConvertFrom-MailFerrySecret -Value $AdminPassword }
            if ($given.ContainsKey('DefaultTarget')) { $body['is_default'] = $DefaultTarget }
            if ($given.ContainsKey('SkipVerification')) { $body['skip_verification'] = [bool] $SkipVerification }
            $calls += @{
                Method = 'POST'
                Path = '/endpoints'
                Body = $body
                Answer = 'One'
                Kind = 'MigrationEndpoint'
                Named = ''
            }
        } catch {
            $PSCmdlet.ThrowTerminatingError($_)
        }
        if (-not $PSCmdlet.ShouldProcess($Name, 'Creating the migration endpoint')) { return }
        Invoke-MailFerryCall -Cmdlet $PSCmdlet -Calls $calls
    }
}
