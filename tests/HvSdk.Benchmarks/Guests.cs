using HvSdk.Testing;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Benchmarks;

/// <summary>The guests. The peer gets the same bytes, and peer.c has the same numbers.</summary>
internal static class Guests
{
    internal const ushort DevicePort = 0x420;
    internal const ulong DeviceAddress = 0x3_9000;
    internal const ushort ArmPort = 0x10;
    internal const ushort BellPort = 0x20;
    internal const ushort SyncPort = 0x30;
    internal const ulong SmallRam = 0x1_0000;

    /// <summary>Accesses that follow each other without another instruction between: what a guest computes is not what is measured.</summary>
    private const int Unrolled = 64;

    /// <summary>Writes and reads one port in turn, then halts; the next run does it again.</summary>
    internal static GuestProgram Ports(int exits, ulong address = GuestLayout.DefaultCodeAddress) => Repeat(address, exits / Unrolled, a => a.mov(dx, DevicePort), a =>
    {
        for (int i = 0; i < Unrolled / 2; i++)
        {
            a.@out(dx, al);
            a.@in(al, dx);
        }
    });

    /// <summary>Writes and reads one device register in turn, then halts; the next run does it again.</summary>
    internal static GuestProgram Mmio(int exits, ulong address = GuestLayout.DefaultCodeAddress) => Repeat(
        address,
        exits / Unrolled,
        a =>
        {
            a.mov(ax, (short)(DeviceAddress >> 4));
            a.mov(ds, ax);
            a.xor(bx, bx);
        },
        a =>
        {
            for (int i = 0; i < Unrolled / 2; i++)
            {
                a.mov(__byte_ptr[bx], al);
                a.mov(al, __byte_ptr[bx]);
            }
        });

    /// <summary>Rings a doorbell between two exits, the first of which takes the time while the second waits for the woken thread; then halts.</summary>
    internal static GuestProgram Rings(int rings, ulong address = GuestLayout.DefaultCodeAddress) => Repeat(address, rings, static _ => { }, static a =>
    {
        a.@out((byte)(ArmPort + 1), al); // time for the waiter to go back to sleep
        a.@out((byte)ArmPort, al);
        a.@out((byte)BellPort, al);
        a.@out((byte)SyncPort, al);
    });

    /// <summary>Leaves once.</summary>
    internal static GuestProgram OneExit { get; } = GuestProgram.RealMode(static a =>
    {
        a.@out((byte)ArmPort, al);
        a.hlt();
    });

    /// <summary>Never leaves by itself.</summary>
    internal static GuestProgram Spin { get; } = GuestProgram.RealMode(static a =>
    {
        Label again = a.CreateLabel();
        a.Label(ref again);
        a.jmp(again);
    });

    internal static string Hex(GuestProgram program) => Convert.ToHexString(program.Code.Span);

    private static GuestProgram Repeat(ulong address, int times, Action<Assembler> prepare, Action<Assembler> body) => GuestProgram.RealMode(
        a =>
        {
            Label start = a.CreateLabel();
            Label again = a.CreateLabel();
            a.Label(ref start);
            prepare(a);
            a.mov(cx, (short)times);
            a.Label(ref again);
            body(a);
            a.dec(cx);
            a.jne(again);
            a.hlt();
            a.jmp(start);
        },
        GuestLayout.Default with { CodeAddress = address });
}
