using HvSdk.Boot;
using HvSdk.Testing;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.VirtualMachines.Tests.Hostile;

/// <summary>A guest that reads and writes every place of a bus, in every size, and keeps in memory which place it is at. When it is through it uses the debug exit.</summary>
internal static class HostileGuest
{
    /// <summary>Where the guest keeps the place that it is at, 8 bytes.</summary>
    public const ulong ProgressAddress = 0x1F_0000;

    /// <summary>What the guest writes to the debug exit at its end: the machine ends with twice that and one.</summary>
    public const int Through = 0x3D;

    private const ulong CodeAddress = 0x10_0000;
    private const ulong Spread = 0x9E37_79B9_7F4A_7C15;
    private const int DebugExitPort = 0xF4;

    /// <summary>A guest for ports.</summary>
    /// <param name="first">Where it begins.</param>
    /// <param name="end">Where it is through.</param>
    /// <param name="value">What it writes; null: something else at each place.</param>
    public static BootImage Ports(int first, int end, ulong? value) => Image(first, end, value, static a =>
    {
        // The sizes of an instruction for ports are 1, 2 and 4.
        a.mov(edx, ebx);
        a.mov(rax, rsi);
        a.@out(dx, al);
        a.@out(dx, ax);
        a.@out(dx, eax);
        a.@in(al, dx);
        a.@in(ax, dx);
        a.@in(eax, dx);
    });

    /// <summary>A guest for the bytes of a device's window, from <paramref name="first"/> on.</summary>
    public static BootImage Window(ulong address, int size, int first, ulong? value) => Image(first, size, value, a =>
    {
        a.mov(rdi, address);
        a.add(rdi, rbx);
        a.mov(rax, rsi);
        a.mov(__byte_ptr[rdi], al);
        a.mov(__word_ptr[rdi], ax);
        a.mov(__dword_ptr[rdi], eax);
        a.mov(__qword_ptr[rdi], rax);
        a.mov(al, __byte_ptr[rdi]);
        a.mov(ax, __word_ptr[rdi]);
        a.mov(eax, __dword_ptr[rdi]);
        a.mov(rax, __qword_ptr[rdi]);
    });

    // RBX counts the places, RSI is what is written.
    private static FlatImage Image(int first, int end, ulong? value, Action<Assembler> poke)
    {
        GuestProgram program = GuestProgram.LongMode(
            a =>
            {
                Label next = a.CreateLabel();
                a.mov(ebx, first);
                a.Label(ref next);
                a.mov(rdi, ProgressAddress);
                a.mov(__qword_ptr[rdi], rbx);
                if (value is { } constant)
                {
                    a.mov(rsi, constant);
                }
                else
                {
                    a.mov(rsi, Spread);
                    a.imul(rsi, rbx);
                }

                poke(a);
                a.inc(ebx);
                a.cmp(ebx, end);
                a.jb(next);
                a.mov(rdi, ProgressAddress);
                a.mov(__qword_ptr[rdi], rbx);
                a.mov(eax, Through);
                a.@out(DebugExitPort, eax);
                a.hlt();
            },
            GuestLayout.Default with { CodeAddress = CodeAddress });
        return FlatImage.Read(BootFile.FromMemory(program.Code, "hostile guest"), new FlatImageOptions { Mode = FlatImageMode.Long, LoadAddress = CodeAddress });
    }
}
