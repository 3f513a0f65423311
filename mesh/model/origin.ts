/** What may be told of an address: its origin. A user and a password in it, and what its path and query hold, are nobody else's to read. */
const HTTP = /^(https?:\/\/)(?:[^/?#\\\s]*@)?(\[[0-9a-f:.]+\]|[^/?#\\\s@:]+)(:\d+)?(?=[/?#\\]|$)/i;

/** `https://prometheus.monitoring:9090`; never a part of what could be a password. */
export function originOf(url: string): string {
  const [, scheme, host, port = ''] = HTTP.exec(url) ?? [];
  return scheme === undefined || host === undefined ? 'an address that is no URL' : `${scheme}${host}${port}`;
}
