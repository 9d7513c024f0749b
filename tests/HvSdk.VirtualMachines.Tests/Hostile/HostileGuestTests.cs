using HvSdk.Boot;
using HvSdk.Devices.Emulated;
using HvSdk.Live;

namespace HvSdk.VirtualMachines.Tests.Hostile;

/// <summary>A guest pokes every port and every device register with every size, in a machine with all devices that we have: nothing but its own machine breaks.</summary>
/// <remarks>
/// Some of it ends the machine: resets, soft off, the debug exit. Then another one goes on from the next place, so that no place is left out. The
/// machine of a neighbour runs all the while, in the same process.
/// </remarks>
public sealed class HostileGuestTests : IDisposable
{
    private const ulong IoApicAddress = 0xFEC0_0000;
    private const ulong NobodysAddress = 0xD000_0000;
    private const int WindowSize = 0x1000;
    private const int PortCount = 0x1_0000;

    /// <summary>All devices' ports are below.</summary>
    private const int DevicePortCount = 0x1000;

    /// <summary>Ends that a guest may bring about; far more than there are ports that do.</summary>
    private const int MaxMachines = 200;

    /// <summary>A guest that pokes every port leaves some 300,000 times, and its neighbour and the other tests leave meanwhile.</summary>
    private static readonly TimeSpan s_limit = Limit.Value * 3;

    private readonly Hypervisor _hypervisor = LiveHypervisor.Open();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _hypervisor.Dispose();

    [Theory]
    [InlineData(ChipPlacement.Host)]
    [InlineData(ChipPlacement.Split)]
    public Task EveryPort_EverySize_BreaksNothingElse(ChipPlacement chips) =>
        PokeAsync(chips, PortCount, static first => HostileGuest.Ports(first, PortCount, null));

    [Theory]
    [InlineData(ChipPlacement.Host, 0UL)]
    [InlineData(ChipPlacement.Split, 0UL)]
    [InlineData(ChipPlacement.Host, ulong.MaxValue)]
    [InlineData(ChipPlacement.Split, ulong.MaxValue)]
    public Task PortsOfDevices_ZerosAndOnes_BreakNothingElse(ChipPlacement chips, ulong value) =>
        PokeAsync(chips, DevicePortCount, first => HostileGuest.Ports(first, DevicePortCount, value));

    [Theory]
    [InlineData(IoApicAddress, 0UL)]
    [InlineData(IoApicAddress, ulong.MaxValue)]
    [InlineData(IoApicAddress, null)]
    [InlineData(NobodysAddress, null)]
    public Task EveryRegister_EverySize_BreaksNothingElse(ulong address, ulong? value) =>
        PokeAsync(ChipPlacement.Split, WindowSize, first => HostileGuest.Window(address, WindowSize, first, value));

    private async Task PokeAsync(ChipPlacement chips, int end, Func<int, BootImage> guest)
    {
        await using VirtualMachine neighbour = Describe(chips, static () => HostileGuest.Ports(0xA000, PortCount, 0)).Build();
        await neighbour.StartAsync(cancellationToken: Token);

        int first = 0;
        for (int machines = 0; first < end; machines++)
        {
            Assert.True(machines < MaxMachines, $"{MaxMachines} machines have ended, and the guest is at 0x{first:X} only.");
            first = await RunAsync(chips, () => guest(first), first) + 1;
        }

        Assert.Equal((2 * HostileGuest.Through) + 1, (await EndOf(neighbour)).ExitCode);
    }

    /// <summary>Runs the guest until its machine ends.</summary>
    /// <returns>The place that it was at.</returns>
    private async Task<int> RunAsync(ChipPlacement chips, Func<BootImage> guest, int first)
    {
        await using VirtualMachine machine = Describe(chips, guest).Build();
        await machine.StartAsync(cancellationToken: Token);

        MachineEnd end = await EndOf(machine);

        int place = (int)machine.Partition.Memory.Read<ulong>(HostileGuest.ProgressAddress);
        TestContext.Current.TestOutputHelper?.WriteLine($"From 0x{first:X} to 0x{place:X}: {end}");
        Assert.True(end.Kind != MachineEndKind.Failed, end.Exception?.ToString());
        Assert.InRange(place, first, PortCount);
        return place;
    }

    private VirtualMachineBuilder Describe(ChipPlacement chips, Func<BootImage> guest)
    {
        const ushort secondSerialPort = 0x2F8;
        const int secondSerialLine = 3;
        VirtualMachineBuilder builder = VirtualMachine.CreateBuilder(_hypervisor)
            .WithName("hostile guest's machine")
            .WithMemory(4 << 20)
            .ConfigureBoard(board =>
            {
                board.Chips = chips;
                board.IntervalTimer = true;
            })
            .Boot(guest)
            .AddDevice(new SerialPort16550A())
            .AddDevice(new SerialPort16550A { Port = secondSerialPort, InterruptLine = secondSerialLine })
            .AddDevice(new KeyboardController8042())
            .AddDevice(new DebugConsole())
            .AddDevice(new DebugExit())
            .AddDevice(new PanicNotifier())
            .AddDevice(new FirmwareConfiguration())
            .AddDevice(new VmGenerationId());
        return builder;
    }

    private static async Task<MachineEnd> EndOf(VirtualMachine machine)
    {
        try
        {
            return await machine.WaitForExitAsync(Token).WaitAsync(s_limit, Token);
        }
        catch (TimeoutException)
        {
            throw new TimeoutException($"Waited {s_limit.TotalSeconds:F0} s in vain for the end of {machine}, at 0x{machine.Partition.Memory.Read<ulong>(HostileGuest.ProgressAddress):X} after {machine.GetStatistics().Exits} exits");
        }
    }
}
