import JSON

@testable import Intake

/// One record of each source, written for these tests in the form of the real ones.
enum TelemetrySamples {
    static let cloudTrail: JSONValue = [
        "eventVersion": "1.08", "eventTime": "2023-07-10T11:42:18Z", "eventSource": "s3.amazonaws.com",
        "eventName": "DeleteBucketPolicy", "awsRegion": "us-east-1", "sourceIPAddress": "198.51.100.7",
        "userAgent": "Boto3/1.26", "errorCode": "AccessDenied", "errorMessage": "Access Denied",
        "userIdentity": [
            "type": "IAMUser", "principalId": "AIDAEXAMPLE", "arn": "arn:aws:iam::123456789012:user/benjamin",
            "accountId": "123456789012", "accessKeyId": "AKIAEXAMPLE", "userName": "benjamin",
            "sessionContext": ["attributes": ["creationDate": "2023-07-10T10:00:00Z", "mfaAuthenticated": "false"]],
        ],
        "requestParameters": ["bucketName": "ledger", "Host": "ledger.s3.amazonaws.com"], "responseElements": nil,
        "requestID": "GXKFXETF0Z1ANBT8", "eventID": "b69c41d9-ccc8-41d7-82f1-d3f27cb2fb3c", "readOnly": false,
        "resources": [["accountId": "123456789012", "type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::ledger"]],
        "eventType": "AwsApiCall", "recipientAccountId": "123456789012",
    ]

    static let consoleLogin: JSONValue = [
        "eventVersion": "1.08", "eventTime": "2023-07-10T11:42:18Z", "eventSource": "signin.amazonaws.com",
        "eventName": "ConsoleLogin", "awsRegion": "us-east-1", "sourceIPAddress": "198.51.100.7",
        "userIdentity": ["type": "IAMUser", "userName": "benjamin", "accountId": "123456789012"],
        "responseElements": ["ConsoleLogin": "Failure"], "additionalEventData": ["MFAUsed": "No"],
        "eventID": "b69c41d9-ccc8-41d7-82f1-d3f27cb2fb3d",
    ]

    /// Sysmon 1 beside NXLog's own members.
    static let windows: JSONValue = [
        "Channel": "Microsoft-Windows-Sysmon/Operational", "SourceName": "Microsoft-Windows-Sysmon", "EventID": 1,
        "Hostname": "MKT01.pandalab.com", "host": "collector.example", "Keywords": "-9223372036854775808",
        "EventTime": "2023-08-15 05:53:48", "UtcTime": "2023-08-15 09:53:48.447", "RecordNumber": 4711,
        "Image": #"C:\Windows\System32\whoami.exe"#, "CommandLine": "whoami /all", "ProcessId": "7448",
        "ProcessGuid": "{81056205-565c-64dc-2304-000000000800}", "User": #"PANDALAB\stevie.marie"#,
        "CurrentDirectory": #"C:\Users\"#, "Hashes": "SHA1=5159E0F1,MD5=838A7B32,IMPHASH=00000000",
        "ParentImage": #"C:\Windows\System32\cmd.exe"#, "ParentProcessId": "4560", "ParentCommandLine": "cmd.exe",
        "RuleName": "-",
    ]

    static let kubernetes: JSONValue = [
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "RequestResponse", "stage": "ResponseComplete",
        "auditID": "5f9b3d9f-5a51-4a39-8b83-5fcd41f28b8d", "verb": "create",
        "requestURI": "/api/v1/namespaces/shop/pods/web-1/exec?command=sh",
        "user": ["username": "deploy@example.org", "groups": ["system:authenticated"]],
        "sourceIPs": ["203.0.113.9", "10.0.0.1"], "userAgent": "kubectl/v1.31",
        "objectRef": [
            "resource": "pods", "namespace": "shop", "name": "web-1", "apiVersion": "v1", "subresource": "exec",
        ],
        "responseStatus": ["code": 101], "requestReceivedTimestamp": "2026-11-21T02:30:00.123456Z",
        "stageTimestamp": "2026-11-21T02:30:00.200000Z",
        "annotations": ["authorization.k8s.io/decision": "allow"],
    ]

    static let sshd = SSHDSourceTests.line("Failed password for root from 203.0.113.9 port 51122 ssh2")

    static let bySource: [(TelemetrySource, JSONValue)] = [
        (.cloudtrail, cloudTrail), (.windows, windows), (.sshd, sshd), (.kubernetes, kubernetes),
    ]
}
