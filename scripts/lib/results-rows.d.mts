export interface Row {
  readonly name: string;
  readonly title: string;
  readonly metric: string;
  readonly better: "higher" | "lower";
  readonly gate?: number;
  readonly goal?: number;
  readonly ratio?: number;
  readonly limits?: readonly { readonly metric: string; readonly most: number }[];
  readonly beside: readonly string[];
  readonly reference: string;
}

export const rows: readonly Row[];
