package import Foundation

/// Story (a) as raw telemetry: failed logons, one that succeeds, and a command in a pod. Own data, at any time, with any
/// part changed.
package struct SSHTakeover: Sendable {
    package var start: Date
    package var address = "203.0.113.9"
    package var host = "bastion-1"
    package var user = "root"
    package var failures = 12
    package var secondsBetweenFailures = 30.0
    package var secondsToLogon = 60.0
    package var secondsToExec = 30.0
    /// Who runs the command in the pod.
    package var execAddress: String?
    package var logonHost: String?
    package var logonUser: String?
    package var auditID = UUID().uuidString

    package init(start: Date) {
        self.start = start
    }

    /// Lines for `product=linux`, `service=sshd`.
    package var sshLines: [String] {
        let failed = (0..<failures).map { index in
            line(
                at: start.addingTimeInterval(Double(index) * secondsBetweenFailures), host: host,
                "Failed password for \(user) from \(address) port \(51_000 + index) ssh2")
        }
        return failed + [
            line(
                at: logonTime, host: logonHost ?? host,
                "Accepted password for \(logonUser ?? user) from \(address) port 52000 ssh2")
        ]
    }

    /// Lines for `product=kubernetes`, `category=application`, `service=audit`.
    package var auditLines: [String] {
        let time = text(logonTime.addingTimeInterval(secondsToExec))
        return [
            """
            {"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"\(auditID)",\
            "stage":"ResponseStarted","requestURI":"/api/v1/namespaces/shop/pods/web-1/exec?command=sh","verb":"create",\
            "user":{"username":"dev@example.org","groups":["system:authenticated"]},\
            "sourceIPs":["\(execAddress ?? address)"],"userAgent":"kubectl/v1.33",\
            "objectRef":{"resource":"pods","namespace":"shop","name":"web-1","apiVersion":"v1","subresource":"exec"},\
            "responseStatus":{"metadata":{},"code":101},"requestReceivedTimestamp":"\(time)","stageTimestamp":"\(time)"}
            """
        ]
    }

    private var logonTime: Date {
        start.addingTimeInterval(Double(failures - 1) * secondsBetweenFailures + secondsToLogon)
    }

    private func line(at time: Date, host: String, _ message: String) -> String {
        #"{"timestamp":"\#(text(time))","host":"\#(host)","program":"sshd","message":"\#(message)"}"#
    }

    private func text(_ time: Date) -> String {
        time.formatted(.iso8601.year().month().day().time(includingFractionalSeconds: true))
    }
}
