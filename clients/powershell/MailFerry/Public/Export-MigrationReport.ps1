# Made by tools/powershell_module.py from the table of cmdlets; do not edit.

function Export-MigrationReport {
    <#
    .SYNOPSIS
    Gives the report of a batch: one row for each user.

    .DESCRIPTION
    Without a file the rows are objects; with -CsvStream the CSV is written to a file. With -Failed the rows are those
    that were not migrated, in the form of a CSV to be mended and submitted again; passwords are blank.

    .PARAMETER Identity
    The batch: its name or its GUID.

    .PARAMETER CsvStream
    The file that the CSV is written to.

    .PARAMETER StartingRowIndex
    The first row that is given, from 0. Default: 0.

    .PARAMETER RowCount
    How many rows are given. Default: all.

    .PARAMETER Force
    Replace the file if it is there. Only with -CsvStream.

    .PARAMETER Failed
    What was not migrated, instead of all users.

    .PARAMETER Partition
    Reserved. Taken, without effect.

    .EXAMPLE
    Export-MigrationReport IMAPBatch1 -CsvStream report.csv

    Saves the report of a batch.

    .EXAMPLE
    Export-MigrationReport IMAPBatch1 -Failed -CsvStream MigrationErrors.csv

    Saves what is to be mended.

    .NOTES
    Differences from Exchange Online:
    -CsvStream takes the name of a file in place of a stream, and replaces one only with -Force.

    .LINK
    Connect-MailFerry
    #>
    [CmdletBinding(PositionalBinding = $false)]
    [OutputType('MailFerry.MigrationReportRow')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true)]
        [ValidateNotNullOrEmpty()]
        [string] $Identity,

        [ValidateNotNullOrEmpty()]
        [Alias('Path', 'OutFile')]
        [string] $CsvStream,

        [ValidateRange(0, [int]::MaxValue)]
        [int] $StartingRowIndex,

        [ValidateRange(1, [int]::MaxValue)]
        [int] $RowCount,

        [switch] $Force,

        [switch] $Failed,

        [string] $Partition
    )

    process {
        $given = $PSBoundParameters
        $calls = @()
        try {
            $named = Resolve-MailFerryIdentity -Value $Identity -InputObject $_
            Assert-MailFerryCompanion -Bound $given -Name 'Force' -Needs @('CsvStream')
            if ($Failed) {
                $calls += @{
                    Method = 'GET'
                    Path = '/batches/' + (ConvertTo-MailFerrySegment -Value $named) + '/errors.csv'
                    Answer = 'Csv'
                    Kind = 'MigrationReportRow'
                    Named = $named
                }
            }
            if (-not $Failed) {
                $calls += @{
                    Method = 'GET'
                    Path = '/batches/' + (ConvertTo-MailFerrySegment -Value $named) + '/report.csv'
                    Answer = 'Csv'
                    Kind = 'MigrationReportRow'
                    Named = $named
                }
            }
        } catch {
            $PSCmdlet.ThrowTerminatingError($_)
        }
        Export-MailFerryCsv -Cmdlet $PSCmdlet -Calls $calls -File $CsvStream -First $StartingRowIndex -Count $RowCount -Force:$Force
    }
}
