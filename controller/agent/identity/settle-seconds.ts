/** How long after a change of what Cilium's processes read of trust they are taken to have read it. */

/** A kubelet renews the files of a pod when it syncs the pod: every 60 s and up to half of that more (`workerResyncIntervalJitterFactor` of kubelet's `pod_workers.go`); the rest is for its cache of Secrets. */
export const TRUST_SETTLE_SECONDS = 120;
