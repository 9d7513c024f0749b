using System.Buffers.Binary;
using System.Globalization;
using HvSdk.Devices;
using HvSdk.Linux.Tests.Guests;
using HvSdk.VirtualMachines;

namespace HvSdk.Linux.Tests;

/// <summary>What Linux makes of the PCI bus, with configuration accesses in memory and by the ports alone.</summary>
public sealed class PciTests
{
    private const string EnterDevice = "cd /sys/bus/pci/devices/0000:00:01.0";

    [Theory]
    [InlineData(GuestKernel.Cloud, ChipPlacement.Host)]
    [InlineData(GuestKernel.Standard, ChipPlacement.Split)]
    public async Task Bus_WithConfigurationInMemory_HasItsDeviceWithWindowsAndInterrupt(GuestKernel kernel, ChipPlacement chips)
    {
        await using LinuxGuest guest = await LinuxGuest.BootAsync(
            new GuestDescription { Kernel = kernel, Memory = 512 * GuestDescription.MiB, Chips = chips, PciDevices = static () => [new IdleDevice()] });
        var shell = new GuestShell(guest);
        await shell.StartAsync();

        string messages = await shell.RunAsync("dmesg | grep -i -E 'pci|ecam|mcfg|BAR'");
        TestContext.Current.TestOutputHelper?.WriteLine(messages);
        Assert.Contains("PCI: Using configuration type 1", messages, StringComparison.Ordinal);
        Assert.Matches("(ECAM|MMCONFIG).*0xe0000000-0xe00fffff", messages);
        Assert.DoesNotContain("FW_BUG", messages, StringComparison.Ordinal);
        Assert.DoesNotContain("not reserved", messages, StringComparison.Ordinal);
        Assert.DoesNotContain("can't claim", messages, StringComparison.Ordinal);

        Assert.Equal("0000:00:00.0\n0000:00:01.0", await shell.RunAsync("ls -1 /sys/bus/pci/devices"));
        await shell.RunAsync(EnterDevice); // short commands: the terminal breaks long lines
        Assert.Equal("0x1234\n0x5678\n0xff0102", await shell.RunAsync("cat vendor device class"));
        Assert.Equal("1", await shell.RunAsync("echo 1 > enable; cat enable"));
        Assert.InRange(int.Parse(await shell.RunAsync("cat irq"), CultureInfo.InvariantCulture), 1, 255);
        string[] windows = (await shell.RunAsync("head -n 3 resource")).Split('\n');
        Assert.All(windows, static window => Assert.DoesNotMatch("^0x0+ ", window));
        await shell.ExitAsync();

        Assert.Equal(MachineEndKind.PoweredOff, (await guest.WaitForEndAsync()).Kind);
    }

    [Fact]
    public async Task Bus_WithConfigurationByPorts_HasItsDevice()
    {
        await using LinuxGuest guest = await LinuxGuest.BootAsync(new GuestDescription { Arguments = "pci=nommconf", PciDevices = static () => [new IdleDevice()] });
        var shell = new GuestShell(guest);
        await shell.StartAsync();

        await shell.RunAsync(EnterDevice);
        Assert.Equal("0x1234", await shell.RunAsync("cat vendor"));
        Assert.Contains("MMCONFIG is disabled", await shell.RunAsync("dmesg | grep MMCONFIG"), StringComparison.Ordinal);
        await shell.ExitAsync();

        Assert.Equal(MachineEndKind.PoweredOff, (await guest.WaitForEndAsync()).Kind);
    }

    private sealed class IdleDevice : IPciDevice, IBusDevice
    {
        public void Attach(IPciSlot slot)
        {
            slot.Identify(new PciIdentity { VendorId = 0x1234, DeviceId = 0x5678, ClassCode = 0xFF_01_02 });
            slot.AddBar(0, 0x4000, this);
            slot.UseMsiX(4, 1);
            slot.AddBar(2, 128 << 20, this, PciBarOptions.Wide | PciBarOptions.Prefetchable);
            slot.ConnectInterruptPin();
        }

        public void Read(ulong offset, Span<byte> data)
        {
            if (data.Length == sizeof(uint))
            {
                BinaryPrimitives.WriteUInt32LittleEndian(data, (uint)offset);
            }
        }

        public void Write(ulong offset, ReadOnlySpan<byte> data)
        {
        }
    }
}
