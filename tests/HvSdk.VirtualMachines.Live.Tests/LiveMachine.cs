using System.Buffers.Binary;
using HvSdk.Boot;
using HvSdk.Devices.Emulated;
using HvSdk.Live;

namespace HvSdk.VirtualMachines.Live.Tests;

/// <summary>A machine of the hypervisor under test with the ways in which test guests speak: a debug console, a serial port, a keyboard, a debug exit.</summary>
internal sealed class LiveMachine : IAsyncDisposable
{
    private readonly Hypervisor _hypervisor;

    private LiveMachine(Hypervisor hypervisor, Func<BootImage> image, Action<VirtualMachineBuilder>? configure)
    {
        _hypervisor = hypervisor;
        var debug = new DebugConsole();
        var serial = new SerialPort16550A();
        VirtualMachineBuilder builder = VirtualMachine.CreateBuilder(hypervisor)
            .WithMemory(64 << 20)
            .Boot(image)
            .AddDevice(debug, "debug console")
            .AddDevice(serial, "serial port")
            .AddDevice(Keyboard, "keyboard controller")
            .AddDevice(new DebugExit(), "debug exit");
        configure?.Invoke(builder);
        Machine = builder.Build();
        Log = new GuestText("the debug console", debug.Output);
        Screen = new GuestText("the serial port", serial.Pipe.Input);
        Input = serial.Pipe.Output;
    }

    public VirtualMachine Machine { get; }

    /// <summary>What comes from ports 0xE9 and 0x402.</summary>
    public GuestText Log { get; }

    /// <summary>What comes from the serial port.</summary>
    public GuestText Screen { get; }

    /// <summary>The serial port's input.</summary>
    public System.IO.Pipelines.PipeWriter Input { get; }

    public KeyboardController8042 Keyboard { get; } = new();

    /// <summary>Opens the hypervisor, or skips the test, and starts a machine; skips it too where the hypervisor keeps no such chips in the host.</summary>
    /// <param name="image">What it boots.</param>
    /// <param name="configure">Says more of it: 64 MiB and one processor where nothing is said.</param>
    public static async Task<LiveMachine> StartAsync(Func<BootImage> image, Action<VirtualMachineBuilder>? configure = null)
    {
        Hypervisor hypervisor = LiveHypervisor.Open();
        LiveMachine? machine = null;
        try
        {
            machine = new LiveMachine(hypervisor, image, configure);
            await machine.Machine.StartAsync(cancellationToken: TestContext.Current.CancellationToken);
            return machine;
        }
        catch (Exception e)
        {
            if (machine is not null)
            {
                await machine.Machine.DisposeAsync();
            }

            hypervisor.Dispose();
            if (e is MachineConfigurationException && e.Message.Contains($"{nameof(BoardOptions.Chips)} is {nameof(ChipPlacement.Host)}", StringComparison.Ordinal))
            {
                LiveHypervisor.SkipUnlessPossible(HypervisorFeatures.FullInterruptController | HypervisorFeatures.TimerChip);
            }

            throw;
        }
    }

    /// <summary>Boots a guest that tells 32-bit words to the debug console and then ends by the debug exit with 0: what it told.</summary>
    /// <param name="image">What it boots.</param>
    /// <param name="configure">Says more of the machine.</param>
    public static async Task<uint[]> TellAsync(Func<BootImage> image, Action<VirtualMachineBuilder>? configure = null)
    {
        await using LiveMachine machine = await StartAsync(image, configure);
        MachineEnd end = await machine.EndAsync();
        Assert.True(end.ExitCode == 1, $"The guest should end by the debug exit with 0, and ended otherwise. {end}");
        byte[] told = System.Text.Encoding.Latin1.GetBytes(machine.Log.ToString());
        Assert.Equal(0, told.Length % sizeof(uint));
        return [.. Enumerable.Range(0, told.Length / sizeof(uint)).Select(i => BinaryPrimitives.ReadUInt32LittleEndian(told.AsSpan(i * sizeof(uint))))];
    }

    /// <summary>Waits for the machine's end, and for its last words.</summary>
    /// <param name="limit">The longest wait; null: the usual one.</param>
    public async Task<MachineEnd> EndAsync(TimeSpan? limit = null)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        end.CancelAfter(limit ?? Limit.Value);
        try
        {
            MachineEnd result = await Machine.WaitForExitAsync(end.Token);
            await Log.End;
            await Screen.End;
            return result;
        }
        catch (OperationCanceledException)
        {
            throw Limit.Exceeded($"the guest to end its machine, which has said '{Log}' on its debug console and '{Screen}' on its serial port");
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Machine.DisposeAsync();
        await Log.End;
        await Screen.End;
        TestContext.Current.TestOutputHelper?.WriteLine($"Debug console:{Environment.NewLine}{Log}{Environment.NewLine}Serial port:{Environment.NewLine}{Screen}");
        _hypervisor.Dispose();
    }
}
