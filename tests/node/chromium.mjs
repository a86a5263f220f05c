// Unpacks the Chromium that comes as a package, and prints where its program is.
// Away from a machine of its own kind the package leaves its libraries packed: they are unpacked here too,
// for machines that have none.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import chromium, { inflate } from "@sparticuz/chromium";

const packed = join(fileURLToPath(import.meta.resolve("@sparticuz/chromium")), "../../bin");
const program = await chromium.executablePath();
const libraries = await inflate(join(packed, "al2023.tar.br"));
console.log(JSON.stringify({ program, libraries: join(libraries, "lib"), there: existsSync(program) }));
