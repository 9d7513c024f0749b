using HvSdk.Boot;
using HvSdk.Devices.Emulated;
using HvSdk.Testing;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.VirtualMachines.Live.Tests.Lifecycle;

/// <summary>A machine with every device that there is, and a guest that keeps them busy.</summary>
internal static class AllDevices
{
    public const ulong MemorySize = 16 << 20;

    private static readonly GuestProgram s_busy = GuestProgram.RealMode(static a =>
    {
        // Writes to both serial ports and the debug console for ever, and starts the 8254.
        Label forever = a.CreateLabel();
        a.mov(al, 0x34);
        a.@out(0x43, al);
        a.@out(0x40, al);
        a.@out(0x40, al);
        a.Label(ref forever);
        a.mov(dx, 0x3F8);
        a.@out(dx, al);
        a.mov(dx, 0x2F8);
        a.@out(dx, al);
        a.@out(0xE9, al);
        a.jmp(forever);
    });

    public static VirtualMachineBuilder AddTo(VirtualMachineBuilder builder) => builder
        .WithMemory(MemorySize)
        .Boot(static () => FlatImage.Read(BootFile.FromMemory(s_busy.Code), new FlatImageOptions { Mode = FlatImageMode.Real, LoadAddress = s_busy.LoadAddress }))
        .ConfigureFirmware(static firmware => firmware.Add("opt/test", new byte[100]))
        .AddDevice(new SerialPort16550A())
        .AddDevice(new SerialPort16550A { Port = 0x2F8, InterruptLine = 3 })
        .AddDevice(new KeyboardController8042())
        .AddDevice(new DebugConsole())
        .AddDevice(new DebugExit())
        .AddDevice(new PanicNotifier())
        .AddDevice(new VmGenerationId());
}
