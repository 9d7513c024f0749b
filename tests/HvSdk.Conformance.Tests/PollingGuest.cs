using HvSdk.Live;

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

    public static TestProgram Create(uint first, uint second) =>
        // for (;;) { value = [device]; counters[value == first ? 0 : value == second ? 1 : 2]++; }
        Guest.Program(g =>
        {
            GuestLabel isFirst = g.CreateLabel();
            GuestLabel isSecond = g.CreateLabel();
            g.Set(GuestRegister.Address, TestMachine.DeviceAddress);
            g.Set(GuestRegister.First, Guest.Buffer);
            GuestLabel next = g.MarkHere();
            g.Load(4);
            g.JumpIfEqual(GuestRegister.Value, first, isFirst);
            g.JumpIfEqual(GuestRegister.Value, second, isSecond);
            g.Increment(8, 16, GuestRegister.First);
            g.Jump(next);
            g.Mark(isFirst);
            g.Increment(8, 0, GuestRegister.First);
            g.Jump(next);
            g.Mark(isSecond);
            g.Increment(8, 8, GuestRegister.First);
            g.Jump(next);
        });

    /// <summary>Waits until the guest has counted one more.</summary>
    public static void AwaitMore(TestMachine machine, ulong counter, BackgroundGuest guest)
    {
        ulong before = machine.Memory.Read<ulong>(counter);
        Limit.Until(() => machine.Memory.Read<ulong>(counter) != before || guest.HasEnded, $"the counter at 0x{counter:X} to go beyond {before}");
        guest.ThrowIfEnded();
    }
}
