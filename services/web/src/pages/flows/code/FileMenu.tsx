import { Button, Menu } from "@mantine/core";
import { IconFileCode, IconFileDownload, IconFileUpload } from "@tabler/icons-react";
import { useState } from "react";
import type { Flow } from "../../../api/types.ts";
import { useText } from "../../../i18n/index.ts";
import { ExportDialog } from "./ExportDialog.tsx";
import { ImportDialog } from "./ImportDialog.tsx";

interface Props {
  flow: Flow;
  /** Whether there are changes of the draft that a file would replace unsaved. */
  dirty: boolean;
  onImported: (flow: Flow) => Promise<void>;
}

/** The flow as a file: to take away, and to read again. */
export function FileMenu({ flow, dirty, onImported }: Props) {
  const t = useText();
  const [open, setOpen] = useState<"export" | "import">();
  const close = () => setOpen(undefined);
  return (
    <>
      <Menu position="bottom-end">
        <Menu.Target>
          <Button
            variant="default"
            leftSection={<IconFileCode size={17} aria-hidden />}
            data-testid="flow-file"
          >
            {t("flowFile.title")}
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item
            leftSection={<IconFileDownload size={16} aria-hidden />}
            onClick={() => setOpen("export")}
            data-testid="flow-export"
          >
            {t("flowFile.export")}
          </Menu.Item>
          <Menu.Item
            leftSection={<IconFileUpload size={16} aria-hidden />}
            onClick={() => setOpen("import")}
            data-testid="flow-import"
          >
            {t("flowFile.import")}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {open === "export" && <ExportDialog flow={flow} dirty={dirty} onClose={close} />}
      {open === "import" && (
        <ImportDialog flow={flow} dirty={dirty} onClose={close} onImported={onImported} />
      )}
    </>
  );
}
