using HvSdk.Boot;
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

    /// <summary>By the command line, where the board's options say so.</summary>
    private void NameVirtioDevices(BootImage? image, MachinePlan plan, List<string> problems)
    {
        if (!_board.VirtioKernelParameters || image is null)
        {
            return;
        }

        if (_board.Acpi || image is not LinuxImage linux)
        {
            problems.Add(
                $"{nameof(BoardOptions)}.{nameof(BoardOptions.VirtioKernelParameters)} is on, and the machine boots {(_board.Acpi ? "with ACPI, by which a kernel finds the same devices" : "no Linux kernel of its own")}. "
                + $"{(_board.Acpi ? $"Turn {nameof(BoardOptions.Acpi)} off, or leave the option off." : "Leave it off.")}");
            return;
        }

        string[] parameters = [.. plan.Slots.Select(static slot => (slot.Device as VirtioMmio)?.KernelParameter).OfType<string>()];
        if (parameters.Length > 0)
        {
            linux.AddParameters(string.Join(' ', parameters));
        }
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
