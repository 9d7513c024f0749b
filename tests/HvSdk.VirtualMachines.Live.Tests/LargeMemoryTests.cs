using HvSdk.Boot;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.VirtualMachines.Live.Tests;

/// <summary>RAM where few machines have any.</summary>
public sealed class LargeMemoryTests
{
    private const ulong TiB = 1UL << 40;
    private const ulong LoadAddress = 0x10_0000;
    private const uint Tables = 0x20_0000;
    private const uint Present = 0x3; // and writable
    private const uint LargePage = 0x80;
    private const uint Word = 0x1234_5678;

    [Fact]
    public async Task Memory_BeyondOneTiB_IsTheGuests()
    {
        uint[] told = await LiveMachine.TellAsync(
            OpenImage,
            static builder => builder.ConfigureMemory(static memory => memory.FurtherRanges.Add(new MemoryRange(TiB, 4 << 20))));

        Assert.Equal([Word], told);
    }

    /// <summary>Maps 2 MiB at 1 TiB, writes a word there, and tells what it reads back.</summary>
    private static BootImage OpenImage()
    {
        var a = new Assembler(64);
        a.mov(rax, cr3);
        a.mov(__qword_ptr[rax + 2 * sizeof(ulong)], (int)(Tables | Present)); // the third 512 GiB
        a.mov(eax, Tables);
        a.mov(__qword_ptr[rax], (int)((Tables + 0x1000) | Present));
        a.mov(rbx, TiB | Present | LargePage);
        a.mov(__qword_ptr[rax + 0x1000], rbx);
        a.mov(rbx, TiB);
        a.mov(__dword_ptr[rbx], Word);
        a.mov(eax, __dword_ptr[rbx]);
        for (int i = 0; i < sizeof(uint); i++)
        {
            a.@out(0xE9, al);
            a.shr(eax, 8);
        }

        a.xor(eax, eax);
        a.@out(0xF4, eax);
        a.hlt();
        using var code = new MemoryStream();
        a.Assemble(new StreamCodeWriter(code), LoadAddress);
        return FlatImage.Read(BootFile.FromMemory(code.ToArray()), new FlatImageOptions { Mode = FlatImageMode.Long, LoadAddress = LoadAddress });
    }
}
