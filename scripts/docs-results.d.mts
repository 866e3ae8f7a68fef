export function currentPage(): string;
