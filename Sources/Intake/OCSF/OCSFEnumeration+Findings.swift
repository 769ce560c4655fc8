/// The enumerations of OCSF 1.9 that findings carry: each id with its caption, and the attribute that holds it.
extension OCSFEnumeration {
    static let detectionFindingAction = OCSFEnumeration(
        sibling: "action",
        captions: [
            0: "Unknown", 1: "Allowed", 2: "Denied", 3: "Observed", 4: "Modified", 99: "Other",
        ])

    static let detectionFindingActivity = OCSFEnumeration(
        sibling: "activity_name",
        captions: [
            0: "Unknown", 1: "Create", 2: "Update", 3: "Close", 99: "Other",
        ])

    static let detectionFindingConfidence = OCSFEnumeration(
        sibling: "confidence",
        captions: [
            0: "Unknown", 1: "Low", 2: "Medium", 3: "High", 99: "Other",
        ])

    static let detectionFindingDisposition = OCSFEnumeration(
        sibling: "disposition",
        captions: [
            0: "Unknown", 1: "Allowed", 2: "Blocked", 3: "Quarantined", 4: "Isolated", 5: "Deleted", 6: "Dropped",
            7: "Custom Action", 8: "Approved", 9: "Restored", 10: "Exonerated", 11: "Corrected",
            12: "Partially Corrected", 13: "Uncorrected", 14: "Delayed", 15: "Detected", 16: "No Action",
            17: "Logged", 18: "Tagged", 19: "Alert", 20: "Count", 21: "Reset", 22: "Captcha", 23: "Challenge",
            24: "Access Revoked", 25: "Rejected", 26: "Unauthorized", 27: "Error", 99: "Other",
        ])

    static let detectionFindingRiskLevel = OCSFEnumeration(
        sibling: "risk_level",
        captions: [
            0: "Info", 1: "Low", 2: "Medium", 3: "High", 4: "Critical", 99: "Other",
        ])

    static let detectionFindingStatus = OCSFEnumeration(
        sibling: "status",
        captions: [
            0: "Unknown", 1: "New", 2: "In Progress", 3: "Suppressed", 4: "Resolved", 5: "Archived", 6: "Deleted",
            99: "Other",
        ])

    static let accountType = OCSFEnumeration(
        sibling: "type",
        captions: [
            0: "Unknown", 1: "LDAP Account", 2: "Windows Account", 3: "AWS IAM User", 4: "AWS IAM Role",
            5: "GCP Account", 6: "Azure AD Account", 7: "Mac OS Account", 8: "Apple Account", 9: "Linux Account",
            10: "AWS Account", 11: "GCP Project", 12: "OCI Compartment", 13: "Azure Subscription",
            14: "Salesforce Account", 15: "Google Workspace", 16: "Servicenow Instance", 17: "M365 Tenant",
            18: "Email Account", 19: "ActiveDirectory Account", 99: "Other",
        ])

    static let analyticState = OCSFEnumeration(
        sibling: "state",
        captions: [
            0: "Unknown", 1: "Active", 2: "Suppressed", 3: "Experimental", 99: "Other",
        ])

    static let analyticType = OCSFEnumeration(
        sibling: "type",
        captions: [
            0: "Unknown", 1: "Rule", 2: "Behavioral", 3: "Statistical", 4: "Learning (ML/DL)", 5: "Fingerprinting",
            6: "Tagging", 7: "Keyword Match", 8: "Regular Expressions", 9: "Exact Data Match",
            10: "Partial Data Match", 11: "Indexed Data Match", 99: "Other",
        ])

    static let databaseType = OCSFEnumeration(
        sibling: "type",
        captions: [
            0: "Unknown", 1: "Relational", 2: "Network", 3: "Object Oriented", 4: "Centralized", 5: "Operational",
            6: "NoSQL", 7: "Vector", 8: "Knowledge Graph", 99: "Other",
        ])

    static let databucketType = OCSFEnumeration(
        sibling: "type",
        captions: [
            0: "Unknown", 1: "S3", 2: "Azure Blob", 3: "GCP Bucket", 99: "Other",
        ])

    static let deviceType = OCSFEnumeration(
        sibling: "type",
        captions: [
            0: "Unknown", 1: "Server", 2: "Desktop", 3: "Laptop", 4: "Tablet", 5: "Mobile", 6: "Virtual", 7: "IOT",
            8: "Browser", 9: "Firewall", 10: "Switch", 11: "Hub", 12: "Router", 13: "IDS", 14: "IPS",
            15: "Load Balancer", 99: "Other",
        ])

    static let evidencesVerdict = OCSFEnumeration(
        sibling: "verdict",
        captions: [
            0: "Unknown", 1: "False Positive", 2: "True Positive", 3: "Disregard", 4: "Suspicious", 5: "Benign",
            6: "Test", 7: "Insufficient Data", 8: "Security Risk", 9: "Managed Externally", 10: "Duplicate",
            99: "Other",
        ])

    static let fileType = OCSFEnumeration(
        sibling: "type",
        captions: [
            0: "Unknown", 1: "Regular File", 2: "Folder", 3: "Character Device", 4: "Block Device",
            5: "Local Socket", 6: "Named Pipe", 7: "Symbolic Link", 8: "Executable File", 99: "Other",
        ])

    static let fingerprintAlgorithm = OCSFEnumeration(
        sibling: "algorithm",
        captions: [
            0: "Unknown", 1: "MD5", 2: "SHA-1", 3: "SHA-256", 4: "SHA-512", 5: "CTPH", 6: "TLSH", 7: "quickXorHash",
            8: "SHA-224", 9: "SHA-384", 10: "SHA-512/224", 11: "SHA-512/256", 12: "SHA3-224", 13: "SHA3-256",
            14: "SHA3-384", 15: "SHA3-512", 16: "xxHash H3 64-bit", 17: "xxHash H3 128-bit", 18: "Imphash",
            19: "NPF", 20: "HASSH", 99: "Other",
        ])

    static let networkConnectionInfoDirection = OCSFEnumeration(
        sibling: "direction",
        captions: [
            0: "Unknown", 1: "Inbound", 2: "Outbound", 3: "Lateral", 4: "Local", 99: "Other",
        ])

    static let networkConnectionInfoProtocolVer = OCSFEnumeration(
        sibling: "protocol_ver",
        captions: [
            0: "Unknown", 4: "Internet Protocol version 4 (IPv4)", 6: "Internet Protocol version 6 (IPv6)",
            99: "Other",
        ])

    static let observableType = OCSFEnumeration(
        sibling: "type",
        captions: [
            0: "Unknown", 1: "Hostname", 2: "IP Address", 3: "MAC Address", 4: "User Name", 5: "Email Address",
            6: "URL String", 7: "File Name", 8: "Hash", 9: "Process Name", 10: "Resource UID", 11: "Port",
            12: "Subnet", 13: "Command Line", 14: "Country", 15: "Process ID", 16: "HTTP User-Agent",
            17: "CWE Object: uid", 18: "CVE Object: uid", 19: "User Credential ID", 20: "Endpoint", 21: "User",
            22: "Email", 23: "Uniform Resource Locator", 24: "File", 25: "macOS Process", 26: "Geo Location",
            27: "Container", 28: "Registry Key", 29: "Registry Value", 30: "Fingerprint", 31: "User Object: uid",
            32: "Group Object: name", 33: "Group Object: uid", 34: "Account Object: name", 35: "Account Object: uid",
            36: "Script Content", 37: "Serial Number", 38: "Resource Details Object: name",
            39: "macOS Process Object: uid", 40: "Email Object: subject", 41: "Email Object: uid", 42: "Message UID",
            43: "Registry Value Object: name", 44: "Advisory Object: uid", 45: "File Path", 46: "Registry Key Path",
            47: "Device Object: uid", 48: "Network Endpoint Object: uid", 49: "IAM Role Object: name",
            50: "IAM Role Object: uid", 99: "Other",
        ])

    static let osType = OCSFEnumeration(
        sibling: "type",
        captions: [
            0: "Unknown", 99: "Other", 100: "Windows", 101: "Windows Mobile", 200: "Linux", 201: "Android",
            300: "macOS", 301: "iOS", 302: "iPadOS", 400: "Solaris", 401: "AIX", 402: "HP-UX",
        ])

    static let processIntegrity = OCSFEnumeration(
        sibling: "integrity",
        captions: [
            0: "Unknown", 1: "Untrusted", 2: "Low", 3: "Medium", 4: "High", 5: "System", 6: "Protected", 99: "Other",
        ])

    static let resourceDetailsRole = OCSFEnumeration(
        sibling: "role",
        captions: [
            0: "Unknown", 1: "Target", 2: "Actor", 3: "Affected", 4: "Related", 99: "Other",
        ])

    static let userType = OCSFEnumeration(
        sibling: "type",
        captions: [
            0: "Unknown", 1: "User", 2: "Admin", 3: "System", 4: "Service", 99: "Other",
        ])
}
