// Unpacks the Chromium that comes as a package, and prints where its program is.
// Away from a machine of its own kind the package leaves its libraries and fonts packed: they are unpacked
// here too, for machines that have none.
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import chromium, { inflate } from "@sparticuz/chromium";

const packed = join(fileURLToPath(import.meta.resolve("@sparticuz/chromium")), "../../bin");
const program = await chromium.executablePath();
const libraries = await inflate(join(packed, "al2023.tar.br"));
const fonts = await inflate(join(packed, "fonts.tar.br"));
console.log(JSON.stringify({ program, libraries: join(libraries, "lib"), fonts }));
