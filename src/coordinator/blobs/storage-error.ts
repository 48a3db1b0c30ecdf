import { errorCode, errorMessage } from "../../base/index.ts";
import { assayError } from "../../contracts/index.ts";

/** A file-system error in the words of the catalogue; anything else comes back as it is. */
export function storageError(error: unknown, folder: string): unknown {
  switch (errorCode(error)) {
    case "ENOSPC":
    case "EDQUOT":
      return assayError("disk_full", `No room is left for ${folder}: ${errorMessage(error)}`, { cause: error });
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return assayError("data_dir_read_only", `${folder} cannot be written: ${errorMessage(error)}`, { cause: error });
    default:
      return error;
  }
}
