/** Names under which members reach a server: certificates hold DNS names and IP addresses apart. */
export function separateNames(all: readonly string[]): { readonly names: readonly string[]; readonly addresses: readonly string[] } {
  const unique = [...new Set(all)].filter((one) => one !== "0.0.0.0" && one !== "::");
  const isAddress = (text: string) => /^\d{1,3}(\.\d{1,3}){3}$/.test(text) || text.includes(":");
  return { names: unique.filter((one) => !isAddress(one)), addresses: unique.filter(isAddress) };
}
