/** How much one client, or all of them, may ask for. */
export interface HttpLimits {
  /** Requests per second of one token, and of one address where no token is needed. */
  requestsPerSecond: number;
  /** Requests per minute and address that are told why their token is not valid; more are only told to wait. */
  unauthenticatedPerMinute: number;
  /** Codes per minute and address that are tried to join with. */
  joinsPerMinute: number;
  /** Event and log streams open at once. */
  maxStreams: number;
  /** How often a silent stream says that it is alive. */
  heartbeatMs: number;
  /** Largest JSON body, except a submitted run's, names of tests and lists of digests. */
  bodyBytes: number;
  /** Largest list of digests that are asked about. */
  digestsBytes: number;
  /** Largest blob. */
  blobBytes: number;
  /** How long a client may take to send the headers of a request. */
  headersTimeoutMs: number;
  /** How long a client may take to send a whole request: an upload of the largest blob must fit. */
  requestTimeoutMs: number;
}

export const defaultHttpLimits: HttpLimits = {
  requestsPerSecond: 1_000,
  unauthenticatedPerMinute: 20,
  joinsPerMinute: 10,
  maxStreams: 500,
  heartbeatMs: 15_000,
  bodyBytes: 1024 * 1024,
  digestsBytes: 4 * 1024 * 1024,
  blobBytes: 1024 * 1024 * 1024,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 300_000,
};
