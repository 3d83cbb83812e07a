/** Colours, type and the few defaults that make Mantine ours. Contrast is checked: see README.md. */
import { type CSSVariablesResolver, createTheme, type MantineColorsTuple } from "@mantine/core";

const petrol: MantineColorsTuple = [
  "#eef7f8",
  "#d9ecee",
  "#b2d9dd",
  "#88c5cc",
  "#63b1ba",
  "#4499a4",
  "#2f838f",
  "#226f7a",
  "#175d67",
  "#0d454d",
];

export const theme = createTheme({
  colors: { petrol },
  primaryColor: "petrol",
  primaryShade: 8,
  autoContrast: true,
  defaultRadius: "md",
  fontFamily: "var(--m-font)",
  headings: { fontFamily: "var(--m-font)", fontWeight: "640" },
  cursorType: "pointer",
  focusRing: "auto",
  respectReducedMotion: true,
  components: {
    Modal: {
      defaultProps: { centered: true, radius: "lg", overlayProps: { backgroundOpacity: 0.45, blur: 2 } },
    },
    Anchor: { defaultProps: { inherit: true, underline: "hover" } },
    Menu: {
      defaultProps: { withInitialFocusPlaceholder: false, radius: "md", shadow: "md", withinPortal: true },
    },
    Select: { defaultProps: { allowDeselect: false, checkIconPosition: "right" } },
    Tooltip: { defaultProps: { openDelay: 350, withArrow: true } },
    Table: { defaultProps: { verticalSpacing: "sm", horizontalSpacing: "md" } },
  },
});

/** Mantine's own dimmed, placeholder and error colours fail WCAG AA on our canvas. */
export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    "--mantine-color-body": "#f5f7f8",
    "--mantine-color-text": "#1a2429",
    "--mantine-color-dimmed": "#54626b",
    "--mantine-color-placeholder": "#65737c",
    "--mantine-color-error": "#b42318",
    "--mantine-color-anchor": "#175d67",
    "--mantine-color-default-border": "#d5dce0",
  },
  dark: {
    "--mantine-color-body": "#11161a",
    "--mantine-color-text": "#e4eaee",
    "--mantine-color-dimmed": "#9cabb5",
    "--mantine-color-placeholder": "#8797a2",
    "--mantine-color-error": "#ff9b93",
    "--mantine-color-anchor": "#88c5cc",
    "--mantine-color-default": "#1f262c",
    "--mantine-color-default-hover": "#273037",
    "--mantine-color-default-border": "#35414a",
  },
});
