/** Styles of components that only lazy pages and dialogs use: the agent's desktop does not wait for them. */
import "@mantine/core/styles/SimpleGrid.css";
import "@mantine/core/styles/ModalBase.css";
import "@mantine/core/styles/Modal.css";
import "@mantine/core/styles/PasswordInput.css";
import "@mantine/core/styles/Pill.css";
import "@mantine/core/styles/PillsInput.css";
import "@mantine/core/styles/Checkbox.css";
import "@mantine/core/styles/Switch.css";
import "@mantine/core/styles/Slider.css";
import "@mantine/core/styles/NumberInput.css";
import "@mantine/core/styles/Table.css";
import "@mantine/core/styles/Tabs.css";
