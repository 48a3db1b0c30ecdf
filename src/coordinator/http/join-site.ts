import type { Readable } from "node:stream";

/** A file of the site. */
export interface SiteFile {
  contentType: string;
  content: string | Readable;
  /** Its address changes when it does. */
  lasting: boolean;
}

/** The page that makes a worker of a browser's tab, with all that it loads: the same for everybody, nothing in it is secret. */
export interface JoinSite {
  /** `name`: what follows `/join/`, empty for the page itself; null when there is no such file. */
  file(name: string): Promise<SiteFile | null>;
}
