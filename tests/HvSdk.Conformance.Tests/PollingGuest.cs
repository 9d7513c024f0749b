using HvSdk.Live;
using HvSdk.Testing;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Conformance.Tests;

/// <summary>A guest that reads <see cref="TestMachine.DeviceAddress"/> for ever and counts what it sees, while a test changes what is there.</summary>
internal static class PollingGuest
{
    /// <summary>Counter of the first value.</summary>
    public const ulong First = Guest.Buffer;

    /// <summary>Counter of the second value.</summary>
    public const ulong Second = Guest.Buffer + 8;

    /// <summary>Counter of all other values.</summary>
    public const ulong Other = Guest.Buffer + 16;

    public static GuestProgram Create(uint first, uint second) =>
        // for (;;) { eax = [device]; counters[eax == first ? 0 : eax == second ? 1 : 2]++; }
        GuestProgram.LongMode(a =>
        {
            Iced.Intel.Label next = a.CreateLabel();
            Iced.Intel.Label isFirst = a.CreateLabel();
            Iced.Intel.Label isSecond = a.CreateLabel();
            a.mov(edi, (uint)TestMachine.DeviceAddress);
            a.mov(esi, (uint)Guest.Buffer);
            a.Label(ref next);
            a.mov(eax, __[rdi]);
            a.cmp(eax, unchecked((int)first));
            a.je(isFirst);
            a.cmp(eax, unchecked((int)second));
            a.je(isSecond);
            a.inc(__qword_ptr[rsi + 16]);
            a.jmp(next);
            a.Label(ref isFirst);
            a.inc(__qword_ptr[rsi]);
            a.jmp(next);
            a.Label(ref isSecond);
            a.inc(__qword_ptr[rsi + 8]);
            a.jmp(next);
        });

    /// <summary>Waits until the guest has counted one more.</summary>
    public static void AwaitMore(TestMachine machine, ulong counter, BackgroundGuest guest)
    {
        ulong before = machine.Memory.Read<ulong>(counter);
        Limit.Until(() => machine.Memory.Read<ulong>(counter) != before || guest.HasEnded, $"the counter at 0x{counter:X} to go beyond {before}");
        guest.ThrowIfEnded();
    }
}
