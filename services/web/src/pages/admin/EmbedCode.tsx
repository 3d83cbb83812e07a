import { Modal, Stack, Text } from "@mantine/core";
import type { Brand } from "../../api/types.ts";
import { useText } from "../../i18n/index.ts";
import { CopyField } from "../../ui/CopyField.tsx";

/** The line a client puts into its own site to carry the customer widget. */
export function EmbedCode({ brand, onClose }: { brand: Brand; onClose: () => void }) {
  const t = useText();
  const code = `<script src="${location.origin}/widget.js" data-key="${brand.widgetKey}" async></script>`;
  return (
    <Modal
      opened
      onClose={onClose}
      title={t("admin.brands.embedTitle")}
      size="lg"
      closeButtonProps={{ "aria-label": t("common.close") }}
    >
      <Stack>
        <Text>{t("admin.brands.embedBody")}</Text>
        <CopyField value={code} label={t("admin.brands.embedTitle")} testId="brand-embed" />
      </Stack>
    </Modal>
  );
}
