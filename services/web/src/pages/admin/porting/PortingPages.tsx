import { useLocation } from "wouter";
import { NewPortOrder } from "./NewPortOrder.tsx";
import { PortOrderPage } from "./PortOrderPage.tsx";
import { PortOrdersPage } from "./PortOrdersPage.tsx";

/** All orders, a new one, or the one that the address names. */
export default function PortingPages() {
  const [location] = useLocation();
  const portOrderId = location.split("/")[4];
  if (portOrderId === "new") return <NewPortOrder />;
  return portOrderId ? <PortOrderPage portOrderId={portOrderId} /> : <PortOrdersPage />;
}
