# Made by tools/powershell_module.py from the table of cmdlets; do not edit.

function Set-MigrationEndpoint {
    <#
    .SYNOPSIS
    Changes an endpoint.

    .DESCRIPTION
    Limits hold at once, also for batches that run; the rest holds from the next pass of each user. The endpoint is
    tested if its connection changes.

    .PARAMETER Identity
    The endpoint: its name or its GUID.

    .PARAMETER RemoteServer
    The host name of the server.

    .PARAMETER Port
    The port.

    .PARAMETER Security
    How the connection is protected.

    .PARAMETER Authentication
    How the users log in. NTLM is not there.

    .PARAMETER AcceptUntrustedCertificates
    Take any certificate. Passwords then go to whoever answers; use it in tests only.

    .PARAMETER MaxConcurrentMigrations
    How many mailboxes of this endpoint may be copied at the same time, 1 to 300.

    .PARAMETER MaxConcurrentIncrementalSyncs
    How many of them may be incremental syncs; not more than MaxConcurrentMigrations.

    .PARAMETER MaxConnectionsPerLogin
    How many of them may use the same login name, as the login of an administrator does.

    .PARAMETER Path
    The folder of a Maildir endpoint.

    .PARAMETER UserTemplate
    How the login names of the target are made: {user} is the address, {local} and {domain} its parts.

    .PARAMETER AdminUser
    Log in to the target as this administrator, by SASL PLAIN, on behalf of each user.

    .PARAMETER AdminPassword
    The password of the administrator of the target, a SecureString.

    .PARAMETER DefaultTarget
    Make this the target of batches that name none.

    .PARAMETER SkipVerification
    Save it without a test of the connection.

    .EXAMPLE
    Set-MigrationEndpoint IMAPEndpoint -MaxConcurrentMigrations 50 -MaxConcurrentIncrementalSyncs 25

    Raises the limits of an endpoint.

    .NOTES
    Differences from Exchange Online:
    New limits hold at once; in Exchange Online they hold the next time a batch is processed.

    .LINK
    New-MigrationEndpoint

    .LINK
    Get-MigrationEndpoint

    .LINK
    Remove-MigrationEndpoint

    .LINK
    Connect-MailFerry
    #>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string] $Identity,

        [ValidateNotNullOrEmpty()]
        [string] $RemoteServer,

        [ValidateRange(1, 65535)]
        [int] $Port,

        [ValidateSet('None', 'Ssl', 'Tls')]
        [string] $Security,

        [ValidateSet('Basic', 'Plain')]
        [string] $Authentication,

        [bool] $AcceptUntrustedCertificates,

        [ValidateScript({ Test-MailFerryUnlimited -Value $_ -Least 1 -Most 300 })]
        [string] $MaxConcurrentMigrations,

        [ValidateScript({ Test-MailFerryUnlimited -Value $_ -Least 1 -Most 300 })]
        [string] $MaxConcurrentIncrementalSyncs,

        [ValidateScript({ Test-MailFerryUnlimited -Value $_ -Least 1 -Most 300 })]
        [string] $MaxConnectionsPerLogin,

        [ValidateNotNullOrEmpty()]
        [string] $Path,

        [string] $UserTemplate,

        [string] $AdminUser,

        [ValidateNotNull()]
        [securestring] $AdminPassword,

        [bool] $DefaultTarget,

        [switch] $SkipVerification
    )

    process {
        $given = $PSBoundParameters
        $calls = @()
        try {
            $named = Resolve-MailFerryIdentity -Value $Identity -InputObject $_
            $body = [ordered]@{}
            if ($given.ContainsKey('RemoteServer')) { $body['remote_server'] = $RemoteServer }
            if ($given.ContainsKey('Port')) { $body['port'] = $Port }
            if ($given.ContainsKey('Security')) { $body['security'] = ConvertTo-MailFerryChoice -Value $Security -Choices @('None', 'Ssl', 'Tls') }
            if ($given.ContainsKey('Authentication')) { $body['authentication'] = ConvertTo-MailFerryChoice -Value $Authentication -Choices @('Basic', 'Plain') }
            if ($given.ContainsKey('AcceptUntrustedCertificates')) { $body['accept_untrusted_certificates'] = $AcceptUntrustedCertificates }
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
                Method = 'PATCH'
                Path = '/endpoints/' + (ConvertTo-MailFerrySegment -Value $named)
                Body = $body
                Answer = 'Nothing'
                Kind = 'MigrationEndpoint'
                Named = $named
            }
        } catch {
            $PSCmdlet.ThrowTerminatingError($_)
        }
        if (-not $PSCmdlet.ShouldProcess($Identity, 'Changing the migration endpoint')) { return }
        Invoke-MailFerryCall -Cmdlet $PSCmdlet -Calls $calls -Quiet
    }
}
