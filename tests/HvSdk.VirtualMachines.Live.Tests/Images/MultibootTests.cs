using HvSdk.Boot;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.VirtualMachines.Live.Tests.Images;

/// <summary>Multiboot kernels, which look at what they are given and tell it.</summary>
public sealed class MultibootTests
{
    private const uint Magic1 = 0x1BAD_B002;
    private const uint Flags1 = 3; // modules on pages; the memory's size
    private const uint OwnAddresses = 1 << 16;
    private const uint Magic2 = 0xE852_50D6;
    private const uint ProtectionAndPaging = 0x8000_0001;

    private static readonly MultibootOptions s_options = new()
    {
        CommandLine = "quietly!",
        Modules =
        [
            new BootModule(BootFile.FromMemory("ONE, of some bytes"u8.ToArray(), "one"), "mod1"),
            new BootModule(BootFile.FromMemory(new byte[0x1234], "two"), "mod2"),
        ],
    };

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Multiboot1_CommandLineAndModules_AreWhatTheKernelFinds(bool ownAddresses)
    {
        byte[] header = Header1(ownAddresses, 0);
        byte[] code = TestKernel.Code32(header.Length, LookAround1);
        BootFile kernel = ownAddresses
            ? BootFile.FromMemory((byte[])[.. Header1(true, (uint)code.Length), .. code], "kernel.bin") // a.out-kludge
            : TestKernel.Elf(header, code);

        uint[] told = await LiveMachine.TellAsync(() => MultibootImage.ReadMultiboot1(kernel, s_options));

        Assert.Equal(0x2BAD_B002U, told[0]);
        Assert.Equal(1U, told[1] & ProtectionAndPaging);
        Assert.Equal(0b1001101U, told[2] & 0b1001101); // memory size, command line, modules, memory map
        Assert.Equal(640U, told[3]);
        Assert.InRange(told[4], 62U * 1024, 63U * 1024);
        Assert.Equal([TestKernel.Word("quie"), TestKernel.Word("tly!")], told[5..7]);
        Assert.Equal([2U, TestKernel.Word("ONE,"), 18U, TestKernel.Word("mod1"), 0U, 0x1234U, TestKernel.Word("mod2")], told[7..14]);
        Assert.Equal(0U, told[14]); // behind the file's part, where an ELF kernel's BSS begins
        Assert.True(told[15] >= 3 * 24, $"The memory map has {told[15]} bytes.");
    }

    [Fact]
    public async Task Multiboot2_CommandLineAndModules_AreWhatTheKernelFinds()
    {
        byte[] header = TestKernel.Words(Magic2, 0, 24, unchecked(0 - Magic2 - 24), 0, 8); // and the end tag
        BootFile kernel = TestKernel.Elf(header, TestKernel.Code32(header.Length, LookAround2));

        uint[] told = await LiveMachine.TellAsync(() => MultibootImage.ReadMultiboot2(kernel, s_options));

        Assert.Equal(
            [
                0x36D7_6289U,
                1, TestKernel.Word("quie"), TestKernel.Word("tly!"),
                3, TestKernel.Word("ONE,"), 18, TestKernel.Word("mod1"),
                3, 0, 0x1234, TestKernel.Word("mod2"),
                15, TestKernel.Word("RSD "), // the root pointer of ACPI 2.0 and later
            ],
            told);
    }

    private static byte[] Header1(bool ownAddresses, uint codeSize)
    {
        uint flags = ownAddresses ? Flags1 | OwnAddresses : Flags1;
        byte[] header = TestKernel.Words(Magic1, flags, unchecked(0 - Magic1 - flags));
        uint end = TestKernel.Address + 32 + codeSize;
        return ownAddresses
            ? [.. header, .. TestKernel.Words(TestKernel.Address, TestKernel.Address, end, end + TestKernel.BssSize, TestKernel.Address + 32)]
            : header;
    }

    /// <summary>Tells EAX, CR0 and the parts of the information (Multiboot Specification 0.6.96, 3.3).</summary>
    private static void LookAround1(Assembler a)
    {
        a.Tell(eax);
        a.mov(eax, cr0);
        a.Tell(eax);
        a.Tell(__dword_ptr[ebx]); // flags
        a.Tell(__dword_ptr[ebx + 4]); // mem_lower
        a.Tell(__dword_ptr[ebx + 8]); // mem_upper
        a.mov(esi, __dword_ptr[ebx + 16]); // cmdline
        a.Tell(__dword_ptr[esi]);
        a.Tell(__dword_ptr[esi + 4]);
        a.Tell(__dword_ptr[ebx + 20]); // mods_count
        a.mov(esi, __dword_ptr[ebx + 24]); // mods_addr
        for (int i = 0; i < 2; i++)
        {
            a.mov(edi, __dword_ptr[esi + (16 * i)]); // mod_start
            a.Tell(__dword_ptr[edi]);
            a.mov(ecx, __dword_ptr[esi + (16 * i) + 4]); // mod_end
            a.sub(ecx, edi);
            a.Tell(ecx);
            a.mov(edi, __dword_ptr[esi + (16 * i) + 8]); // string
            a.Tell(__dword_ptr[edi]);
        }

        a.Tell(__dword_ptr[TestKernel.Address + 0x2000]);
        a.Tell(__dword_ptr[ebx + 44]); // mmap_length
        a.End();
    }

    /// <summary>Tells EAX and, of the information's tags, the command line, the modules and the ACPI root pointer (Multiboot2 Specification 2.0, 3.6).</summary>
    private static void LookAround2(Assembler a)
    {
        Label tag = a.CreateLabel();
        Label next = a.CreateLabel();
        Label notCommandLine = a.CreateLabel();
        Label notModule = a.CreateLabel();
        Label end = a.CreateLabel();
        a.Tell(eax);
        a.lea(esi, __[ebx + 8]);
        a.Label(ref tag);
        a.mov(ecx, __dword_ptr[esi]); // type
        a.test(ecx, ecx);
        a.jz(end);

        a.cmp(ecx, 1);
        a.jne(notCommandLine);
        a.Tell(ecx);
        a.Tell(__dword_ptr[esi + 8]);
        a.Tell(__dword_ptr[esi + 12]);
        a.jmp(next);

        a.Label(ref notCommandLine);
        a.cmp(ecx, 3);
        a.jne(notModule);
        a.Tell(ecx);
        a.mov(edi, __dword_ptr[esi + 8]); // mod_start
        a.Tell(__dword_ptr[edi]);
        a.mov(ecx, __dword_ptr[esi + 12]); // mod_end
        a.sub(ecx, edi);
        a.Tell(ecx);
        a.Tell(__dword_ptr[esi + 16]); // string
        a.jmp(next);

        a.Label(ref notModule);
        a.cmp(ecx, 15);
        a.jne(next);
        a.Tell(ecx);
        a.Tell(__dword_ptr[esi + 8]);

        a.Label(ref next);
        a.mov(ecx, __dword_ptr[esi + 4]); // size
        a.add(ecx, 7);
        a.and(ecx, -8);
        a.add(esi, ecx);
        a.jmp(tag);
        a.Label(ref end);
        a.End();
    }
}
