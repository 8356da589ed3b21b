# Made by tools/powershell_module.py from the table of cmdlets; do not edit.

function ConvertTo-MailFerryObject {
    # Make the object that a cmdlet gives of one that the service answers.
    param([string] $Kind, [object] $Data)

    switch ($Kind) {
        'MigrationEndpoint' {
            return [pscustomobject]@{
                PSTypeName = 'MailFerry.MigrationEndpoint'
                Identity = Get-MailFerryText -Data $Data -Name 'name'
                Guid = Get-MailFerryText -Data $Data -Name 'guid'
                EndpointType = Get-MailFerryText -Data $Data -Name 'type'
                Role = Get-MailFerryText -Data $Data -Name 'role'
                RemoteServer = Get-MailFerryText -Data $Data -Name 'remote_server'
                Port = Get-MailFerryNumber -Data $Data -Name 'port'
                Security = Get-MailFerryText -Data $Data -Name 'security'
                Authentication = Get-MailFerryText -Data $Data -Name 'authentication'
                AcceptUntrustedCertificates = Get-MailFerryFlag -Data $Data -Name 'accept_untrusted_certificates'
                MaxConcurrentMigrations = Get-MailFerryNumber -Data $Data -Name 'max_concurrent_migrations'
                MaxConcurrentIncrementalSyncs = Get-MailFerryNumber -Data $Data -Name 'max_concurrent_incremental_syncs'
                MaxConnectionsPerLogin = Get-MailFerryNumber -Data $Data -Name 'max_connections_per_login'
                Path = Get-MailFerryText -Data $Data -Name 'path'
                UserTemplate = Get-MailFerryText -Data $Data -Name 'user_template'
                AdminUser = Get-MailFerryText -Data $Data -Name 'admin_user'
                DefaultTarget = Get-MailFerryFlag -Data $Data -Name 'is_default'
                UseAutoDiscover = $false
                WhenCreated = Get-MailFerryMoment -Data $Data -Name 'created_at'
                LastModifiedTime = Get-MailFerryMoment -Data $Data -Name 'changed_at'
            }
        }
        'MigrationBatch' {
            return [pscustomobject]@{
                PSTypeName = 'MailFerry.MigrationBatch'
                Identity = Get-MailFerryText -Data $Data -Name 'name'
                BatchGuid = Get-MailFerryText -Data $Data -Name 'guid'
                Status = Get-MailFerryText -Data $Data -Name 'status'
                MigrationType = 'IMAP'
                BatchDirection = 'Onboarding'
                SourceEndpoint = Get-MailFerryText -Data $Data -Name 'source_endpoint'
                TargetEndpoint = Get-MailFerryText -Data $Data -Name 'target_endpoint'
                TotalCount = Get-MailFerryNumber -Data $Data -Name 'total'
                ActiveCount = Get-MailFerryNumber -Data $Data -Name 'active'
                SyncedCount = Get-MailFerryNumber -Data $Data -Name 'synced'
                FinalizedCount = Get-MailFerryNumber -Data $Data -Name 'finalized'
                FailedCount = Get-MailFerryNumber -Data $Data -Name 'failed'
                StoppedCount = Get-MailFerryNumber -Data $Data -Name 'stopped'
                ValidationWarningCount = Get-MailFerryNumber -Data $Data -Name 'row_errors'
                PercentageSynced = Get-MailFerryNumber -Data $Data -Name 'percentage'
                TotalItemCount = Get-MailFerryNumber -Data $Data -Name 'items_found'
                SyncedItemCount = Get-MailFerryNumber -Data $Data -Name 'items_synced'
                SkippedItemCount = Get-MailFerryNumber -Data $Data -Name 'items_skipped'
                EstimatedTotalTransferSize = Get-MailFerrySize -Data $Data -Name 'bytes_found'
                BytesTransferred = Get-MailFerrySize -Data $Data -Name 'bytes_synced'
                DataConsistencyScore = Get-MailFerryGrade -Data $Data -Name 'consistency'
                CreationDateTime = Get-MailFerryMoment -Data $Data -Name 'created_at'
                StartDateTime = Get-MailFerryMoment -Data $Data -Name 'started_at'
                InitialSyncDateTime = Get-MailFerryMoment -Data $Data -Name 'initial_synced_at'
                LastSyncedDateTime = Get-MailFerryMoment -Data $Data -Name 'last_synced_at'
                FinalizedDateTime = Get-MailFerryMoment -Data $Data -Name 'finalized_at'
                StartAfter = Get-MailFerryMoment -Data $Data -Name 'start_after'
                StartAfterUTC = Get-MailFerryMoment -Data $Data -Name 'start_after'
                CompleteAfter = Get-MailFerryMoment -Data $Data -Name 'complete_after'
                CompleteAfterUTC = Get-MailFerryMoment -Data $Data -Name 'complete_after'
                IncludedFolders = Get-MailFerryList -Data $Data -Name 'include_folders'
                ExcludedFolders = Get-MailFerryList -Data $Data -Name 'exclude_folders'
                ContentFilter = Get-MailFerryText -Data $Data -Name 'content_filter'
                ContentFilterLanguage = Get-MailFerryText -Data $Data -Name 'content_filter_language'
                NotificationEmails = Get-MailFerryList -Data $Data -Name 'notification_emails'
                ReportInterval = Get-MailFerryDuration -Data $Data -Name 'report_interval_seconds'
                SkipReports = Get-MailFerryFlag -Data $Data -Name 'skip_reports'
                UserTimeZone = Get-MailFerryText -Data $Data -Name 'time_zone'
                Priority = Get-MailFerryNumber -Data $Data -Name 'priority'
                SubmittedByUser = Get-MailFerryText -Data $Data -Name 'submitted_by'
                Message = Get-MailFerryText -Data $Data -Name 'message'
                Report = Get-MailFerryLine -Data $Data -Name 'row_error_list' -Template 'line {line}: {message}'
            }
        }
        'MigrationUser' {
            return [pscustomobject]@{
                PSTypeName = 'MailFerry.MigrationUser'
                Identity = Get-MailFerryText -Data $Data -Name 'email_address'
                Guid = Get-MailFerryText -Data $Data -Name 'guid'
                EmailAddress = Get-MailFerryText -Data $Data -Name 'email_address'
                MailboxEmailAddress = Get-MailFerryText -Data $Data -Name 'email_address'
                MailboxGuid = Get-MailFerryText -Data $Data -Name 'guid'
                BatchId = Get-MailFerryText -Data $Data -Name 'batch'
                UserName = Get-MailFerryText -Data $Data -Name 'user_name'
                UserRoot = Get-MailFerryText -Data $Data -Name 'user_root'
                TargetUserName = Get-MailFerryText -Data $Data -Name 'target_user'
                Status = Get-MailFerryText -Data $Data -Name 'status'
                StatusSummary = Get-MailFerryText -Data $Data -Name 'summary'
                ErrorSummary = Get-MailFerryText -Data $Data -Name 'failure.text'
                SyncedItemCount = Get-MailFerryNumber -Data $Data -Name 'items_synced'
                SkippedItemCount = Get-MailFerryNumber -Data $Data -Name 'items_skipped'
                TotalItemsInSourceMailboxCount = Get-MailFerryNumber -Data $Data -Name 'items_found'
                PercentageComplete = Get-MailFerryNumber -Data $Data -Name 'percentage'
                LastSuccessfulSyncTime = Get-MailFerryMoment -Data $Data -Name 'last_synced_at'
                DataConsistencyScore = Get-MailFerryGrade -Data $Data -Name 'consistency'
                HasUnapprovedSkippedItems = $false
                StartAfter = Get-MailFerryMoment -Data $Data -Name 'start_after'
                CompleteAfter = Get-MailFerryMoment -Data $Data -Name 'complete_after'
                Priority = Get-MailFerryNumber -Data $Data -Name 'priority'
                RecipientType = 'Mailbox'
            }
        }
        'MigrationUserStatistics' {
            return [pscustomobject]@{
                PSTypeName = 'MailFerry.MigrationUserStatistics'
                Identity = Get-MailFerryText -Data $Data -Name 'user.email_address'
                Guid = Get-MailFerryText -Data $Data -Name 'user.guid'
                EmailAddress = Get-MailFerryText -Data $Data -Name 'user.email_address'
                BatchId = Get-MailFerryText -Data $Data -Name 'user.batch'
                Status = Get-MailFerryText -Data $Data -Name 'user.status'
                StatusSummary = Get-MailFerryText -Data $Data -Name 'user.summary'
                SyncedItemCount = Get-MailFerryNumber -Data $Data -Name 'user.items_synced'
                SkippedItemCount = Get-MailFerryNumber -Data $Data -Name 'user.items_skipped'
                SkippedItems = Get-MailFerryInner -Data $Data -Name 'skipped_items' -Kind 'MigrationSkippedItem'
                TotalItemsInSourceMailboxCount = Get-MailFerryNumber -Data $Data -Name 'user.items_found'
                ItemsOnTargetBefore = Get-MailFerryNumber -Data $Data -Name 'user.items_had'
                EstimatedTotalTransferSize = Get-MailFerrySize -Data $Data -Name 'user.bytes_found'
                BytesTransferred = Get-MailFerrySize -Data $Data -Name 'user.bytes_synced'
                AverageBytesTransferredPerHour = Get-MailFerrySize -Data $Data -Name 'bytes_per_hour'
                CurrentBytesTransferredPerMinute = Get-MailFerrySize -Data $Data -Name 'bytes_per_minute'
                PercentageComplete = Get-MailFerryNumber -Data $Data -Name 'user.percentage'
                FolderCount = Get-MailFerryNumber -Data $Data -Name 'user.folders'
                FoldersDone = Get-MailFerryNumber -Data $Data -Name 'user.folders_done'
                CurrentFolder = Get-MailFerryText -Data $Data -Name 'user.folder'
                InitialSeedingCompletedTime = Get-MailFerryMoment -Data $Data -Name 'user.initial_synced_at'
                LastUpdatedTime = Get-MailFerryMoment -Data $Data -Name 'user.updated_at'
                LastSuccessfulSyncTime = Get-MailFerryMoment -Data $Data -Name 'user.last_synced_at'
                FinalizedTime = Get-MailFerryMoment -Data $Data -Name 'user.completed_at'
                TotalQueuedDuration = Get-MailFerryDuration -Data $Data -Name 'durations.queued_seconds'
                TotalInProgressDuration = Get-MailFerryDuration -Data $Data -Name 'durations.in_progress_seconds'
                TotalSyncedDuration = Get-MailFerryDuration -Data $Data -Name 'durations.synced_seconds'
                TotalStalledDuration = Get-MailFerryDuration -Data $Data -Name 'durations.stalled_seconds'
                StalledReason = Get-MailFerryText -Data $Data -Name 'user.stalled_reason'
                Error = Get-MailFerryText -Data $Data -Name 'user.failure.text'
                ErrorSummary = Get-MailFerryText -Data $Data -Name 'user.failure.text'
                ErrorCode = Get-MailFerryText -Data $Data -Name 'user.failure.code'
                ErrorSide = Get-MailFerryText -Data $Data -Name 'user.failure.side'
                ErrorTime = Get-MailFerryMoment -Data $Data -Name 'user.failure.at'
                LastFailureTime = Get-MailFerryMoment -Data $Data -Name 'user.failure.at'
                Advice = Get-MailFerryText -Data $Data -Name 'user.failure.advice'
                DataConsistencyScore = Get-MailFerryGrade -Data $Data -Name 'user.consistency'
                Report = Get-MailFerryLine -Data $Data -Name 'report' -Template '{at} {level} {text}'
                DiagnosticInfo = ''
            }
        }
        'MigrationSkippedItem' {
            return [pscustomobject]@{
                PSTypeName = 'MailFerry.MigrationSkippedItem'
                Subject = Get-MailFerryText -Data $Data -Name 'subject'
                DateReceived = Get-MailFerryMoment -Data $Data -Name 'date'
                Kind = Get-MailFerryText -Data $Data -Name 'kind'
                FolderName = Get-MailFerryText -Data $Data -Name 'folder'
                MessageSize = Get-MailFerrySize -Data $Data -Name 'size_bytes'
                Failure = Get-MailFerryText -Data $Data -Name 'reason'
                ErrorCode = Get-MailFerryText -Data $Data -Name 'code'
                MessageId = Get-MailFerryText -Data $Data -Name 'message_id'
                Uid = Get-MailFerryNumber -Data $Data -Name 'uid'
            }
        }
        'MigrationServerAvailability' {
            return [pscustomobject]@{
                PSTypeName = 'MailFerry.MigrationServerAvailability'
                Result = Get-MailFerryText -Data $Data -Name 'result'
                Message = Get-MailFerryText -Data $Data -Name 'message'
                SupportsCutover = Get-MailFerryFlag -Data $Data -Name 'supports_cutover'
                ErrorDetail = Get-MailFerryText -Data $Data -Name 'error_detail'
                TestedEndpoint = Get-MailFerryText -Data $Data -Name 'tested_endpoint'
                Steps = Get-MailFerryLine -Data $Data -Name 'steps' -Template '{name}: {state}, {text}'
                Advice = Get-MailFerryLine -Data $Data -Name 'steps' -Template '{advice}'
                Software = Get-MailFerryText -Data $Data -Name 'software'
                Capabilities = Get-MailFerryList -Data $Data -Name 'capabilities'
                Mechanisms = Get-MailFerryList -Data $Data -Name 'mechanisms'
                CertificateSubject = Get-MailFerryText -Data $Data -Name 'certificate.subject'
                CertificateIssuer = Get-MailFerryText -Data $Data -Name 'certificate.issuer'
                CertificateExpires = Get-MailFerryMoment -Data $Data -Name 'certificate.not_after'
                CertificateProblem = Get-MailFerryText -Data $Data -Name 'certificate.problem'
                Identity = ''
                IsValid = $true
                ObjectState = 'New'
            }
        }
        'MigrationStatistics' {
            return [pscustomobject]@{
                PSTypeName = 'MailFerry.MigrationStatistics'
                Identity = 'MigrationStatistics'
                BatchCount = Get-MailFerryNumber -Data $Data -Name 'batches'
                TotalCount = Get-MailFerryNumber -Data $Data -Name 'total'
                ActiveCount = Get-MailFerryNumber -Data $Data -Name 'active'
                SyncedCount = Get-MailFerryNumber -Data $Data -Name 'synced'
                FinalizedCount = Get-MailFerryNumber -Data $Data -Name 'finalized'
                FailedCount = Get-MailFerryNumber -Data $Data -Name 'failed'
                StoppedCount = Get-MailFerryNumber -Data $Data -Name 'stopped'
                SyncedItemCount = Get-MailFerryNumber -Data $Data -Name 'items_synced'
                BytesTransferred = Get-MailFerrySize -Data $Data -Name 'bytes_synced'
                MigrationType = 'IMAP'
            }
        }
        'MigrationConfig' {
            return [pscustomobject]@{
                PSTypeName = 'MailFerry.MigrationConfig'
                Identity = 'MigrationConfig'
                MaxNumberOfBatches = Get-MailFerryNumber -Data $Data -Name 'max_number_of_batches'
                IncrementalSyncInterval = Get-MailFerryDuration -Data $Data -Name 'incremental_interval_seconds'
                MaxItemsPerMailbox = Get-MailFerryNumber -Data $Data -Name 'max_items'
                MaxMessageSize = Get-MailFerrySize -Data $Data -Name 'max_message_bytes'
                RetryAttempts = Get-MailFerryNumber -Data $Data -Name 'retry_attempts'
                RetryInterval = Get-MailFerryDuration -Data $Data -Name 'retry_seconds'
                MaxRetryInterval = Get-MailFerryDuration -Data $Data -Name 'longest_retry_seconds'
                Repair = Get-MailFerryText -Data $Data -Name 'repair'
                SmtpServer = Get-MailFerryText -Data $Data -Name 'smtp_server'
                SmtpPort = Get-MailFerryNumber -Data $Data -Name 'smtp_port'
                SmtpSecurity = Get-MailFerryText -Data $Data -Name 'smtp_security'
                SmtpUser = Get-MailFerryText -Data $Data -Name 'smtp_user'
                SmtpFrom = Get-MailFerryText -Data $Data -Name 'smtp_from'
                SmtpCaFile = Get-MailFerryText -Data $Data -Name 'smtp_ca_file'
                Features = 'MultiBatch, Endpoints'
                CanSubmitNewBatch = $true
                SupportsCutover = $false
                IsValid = $true
            }
        }
        'AcceptedDomain' {
            return [pscustomobject]@{
                PSTypeName = 'MailFerry.AcceptedDomain'
                Identity = Get-MailFerryText -Data $Data -Name 'name'
                Name = Get-MailFerryText -Data $Data -Name 'name'
                DomainName = Get-MailFerryText -Data $Data -Name 'domain_name'
                DomainType = Get-MailFerryText -Data $Data -Name 'domain_type'
                Default = Get-MailFerryFlag -Data $Data -Name 'is_default'
                WhenCreated = Get-MailFerryMoment -Data $Data -Name 'created_at'
            }
        }
        'Mailbox' {
            return [pscustomobject]@{
                PSTypeName = 'MailFerry.Mailbox'
                Identity = Get-MailFerryText -Data $Data -Name 'email_address'
                Name = Get-MailFerryText -Data $Data -Name 'name'
                DisplayName = Get-MailFerryText -Data $Data -Name 'name'
                PrimarySmtpAddress = Get-MailFerryText -Data $Data -Name 'email_address'
                RecipientTypeDetails = 'UserMailbox'
                TargetEndpoint = Get-MailFerryText -Data $Data -Name 'endpoint'
                Path = Get-MailFerryText -Data $Data -Name 'path'
                MigrationBatch = Get-MailFerryText -Data $Data -Name 'batch'
                MigrationStatus = Get-MailFerryText -Data $Data -Name 'status'
            }
        }
    }
}

function Get-MailFerryNoun {
    # Say what a kind of object is called.
    param([string] $Kind)

    switch ($Kind) {
        'MigrationEndpoint' { return 'migration endpoint' }
        'MigrationBatch' { return 'migration batch' }
        'MigrationUser' { return 'migration user' }
        'MigrationUserStatistics' { return 'statistics of the migration user' }
        'MigrationSkippedItem' { return 'skipped item' }
        'MigrationServerAvailability' { return 'test of a server' }
        'MigrationStatistics' { return 'statistics' }
        'MigrationConfig' { return 'settings of the service' }
        'MigrationReportRow' { return 'row of a report' }
        'AcceptedDomain' { return 'accepted domain' }
        'Mailbox' { return 'mailbox' }
    }
    return 'object'
}

function Get-MailFerryParameterName {
    # Say which parameter stands for a field of a request, so that errors can name it.
    return @{
        accept_untrusted_certificates = 'AcceptUntrustedCertificates'
        admin_user = 'AdminUser'
        adopt_preexisting = 'AdoptPreexisting'
        allow_unknown_columns = 'AllowUnknownColumnsInCsv'
        auto_start = 'AutoStart'
        complete_after = 'CompleteAfter'
        content_filter = 'ContentFilter'
        content_filter_language = 'ContentFilterLanguage'
        csv_data = 'CSVData'
        disable_on_copy = 'DisableOnCopy'
        domain_name = 'DomainName'
        domain_type = 'DomainType'
        exclude_folders = 'ExcludeFolders'
        include_folders = 'IncludeFolders'
        incremental_interval_seconds = 'IncrementalSyncInterval'
        is_default = 'DefaultTarget'
        longest_retry_seconds = 'MaxRetryInterval'
        max_concurrent_incremental_syncs = 'MaxConcurrentIncrementalSyncs'
        max_concurrent_migrations = 'MaxConcurrentMigrations'
        max_connections_per_login = 'MaxConnectionsPerLogin'
        max_items = 'MaxItemsPerMailbox'
        max_message_bytes = 'MaxMessageSize'
        max_number_of_batches = 'MaxNumberOfBatches'
        notification_emails = 'NotificationEmails'
        remote_server = 'RemoteServer'
        remove_on_copy = 'RemoveOnCopy'
        report_interval_seconds = 'ReportInterval'
        retry_attempts = 'RetryAttempts'
        retry_seconds = 'RetryInterval'
        skip_reports = 'SkipReports'
        skip_verification = 'SkipVerification'
        skipped_items = 'IncludeSkippedItems'
        smtp_ca_file = 'SmtpCaFile'
        smtp_from = 'SmtpFrom'
        smtp_password = 'SmtpPassword'
        smtp_port = 'SmtpPort'
        smtp_security = 'SmtpSecurity'
        smtp_server = 'SmtpServer'
        smtp_user = 'SmtpUser'
        source_endpoint = 'SourceEndpoint'
        start_after = 'StartAfter'
        target_endpoint = 'TargetEndpoint'
        time_zone = 'TimeZone'
        user_ids = 'Users'
        user_template = 'UserTemplate'
    }
}
