using HvSdk.Boot;
using HvSdk.Devices.Emulated;
using HvSdk.VirtualMachines;
using HvSdk.VirtualMachines.Live.Tests;

namespace HvSdk.Hvf.Guests.Tests;

/// <summary>A machine over the stand-in with a serial console, which has been started.</summary>
internal sealed class GuestMachine : IAsyncDisposable
{
    /// <summary>Each exit costs tens of microseconds, and the guest's code is emulated: a boot takes seconds on a quiet machine and minutes on a busy one. A limit is for one that hangs.</summary>
    internal static readonly TimeSpan BootLimit = TimeSpan.FromMinutes(10);

    private readonly Hypervisor _hypervisor;
    private readonly SerialPortPl011 _serial;

    private GuestMachine(Hypervisor hypervisor, VirtualMachine machine, SerialPortPl011 serial)
    {
        _hypervisor = hypervisor;
        _serial = serial;
        Machine = machine;
        Console = new GuestText("the console", serial.Pipe.Input);
    }

    internal VirtualMachine Machine { get; }

    /// <summary>What the guest has printed.</summary>
    internal GuestText Console { get; }

    internal static async Task<GuestMachine> StartAsync(Hypervisor hypervisor, ulong memory, Func<BootImage> image, Action<VirtualMachineBuilder> configure)
    {
        SerialPortPl011 serial = new();
        VirtualMachine? machine = null;
        try
        {
            VirtualMachineBuilder builder = VirtualMachine.CreateBuilder(hypervisor).WithMemory(memory).Boot(image).AddDevice(serial, "console");
            configure(builder);
            machine = builder.Build();
            await machine.StartAsync(cancellationToken: TestContext.Current.CancellationToken);
            return new GuestMachine(hypervisor, machine, serial);
        }
        catch
        {
            if (machine is not null)
            {
                await machine.DisposeAsync();
            }

            hypervisor.Dispose();
            throw;
        }
    }

    /// <summary>Types on the console.</summary>
    internal async Task TypeAsync(string text) => await _serial.Pipe.Output.WriteAsync(System.Text.Encoding.ASCII.GetBytes(text), TestContext.Current.CancellationToken);

    /// <summary>Waits for the machine's end.</summary>
    internal async Task<MachineEnd> EndAsync()
    {
        try
        {
            MachineEnd end = await Machine.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(BootLimit);
            await Console.End.WaitAsync(BootLimit);
            return end;
        }
        catch (TimeoutException)
        {
            throw new TimeoutException($"Waited {BootLimit.TotalSeconds:F0} s for the end of {Machine}. It has said:{Environment.NewLine}{Console}");
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Machine.DisposeAsync();
        _hypervisor.Dispose();
        TestContext.Current.TestOutputHelper?.WriteLine(Console.ToString());
        MachineStatistics statistics = Machine.GetStatistics();
        TestContext.Current.TestOutputHelper?.WriteLine($"{statistics.RunDuration.TotalSeconds:F1} s, {statistics.Exits} exits");
    }
}
