using HvSdk.Devices.Virtio;

namespace HvSdk.VirtualMachines;

/// <content>Paravirtual devices.</content>
public sealed partial class VirtualMachineBuilder
{
    private readonly List<(string Name, VirtioDevice Device)> _virtioDevices = [];

    /// <summary>Adds a paravirtual device, ours or yours, on the transport of <see cref="BoardOptions.VirtioTransport"/>.</summary>
    /// <param name="device">The device; it belongs to one machine.</param>
    /// <param name="name">A name for it, for people and errors; its type's where none is given.</param>
    public VirtualMachineBuilder AddVirtio(VirtioDevice device, string? name = null)
    {
        ArgumentNullException.ThrowIfNull(device);
        _virtioDevices.Add((name ?? device.GetType().Name, device));
        return this;
    }

    private void PlaceVirtioDevices(List<string> problems)
    {
        VirtioTransport transport = _board.VirtioTransport ?? (IsArm64 ? VirtioTransport.Mmio : VirtioTransport.Pci);
        if (transport is not (VirtioTransport.Pci or VirtioTransport.Mmio))
        {
            problems.Add($"{nameof(BoardOptions)}.{nameof(BoardOptions.VirtioTransport)} is {transport}, which is no member of {nameof(VirtioTransport)}. Use Pci or Mmio.");
            return;
        }

        foreach ((string name, VirtioDevice device) in _virtioDevices)
        {
            try
            {
                if (transport == VirtioTransport.Pci)
                {
                    AddPciDevice(new VirtioPci(device), name);
                }
                else
                {
                    AddDevice(new VirtioMmio(device), name);
                }
            }
            catch (Exception e) when (e is ArgumentException or InvalidOperationException)
            {
                problems.Add($"{name} cannot join the machine: {e.Message}");
            }
        }

        _virtioDevices.Clear(); // they have their transports, should the rest be mended and built again
    }
}
